#include "torch/capture/captured_forward.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "torch/capture/step_trial.h"

namespace eta::tensor {
namespace {

bool IsPlain(const Tensor& input) {
  return input.layout() == at::kStrided && input.has_storage() && input.numel() > 0 &&
         !input.is_conj() && !input.is_neg() &&
         !at::autocast::is_autocast_enabled(input.device().type());
}

// One run of the model that becomes a plan.
class ForwardRecording {
 public:
  ForwardRecording(TensorContext& context, Module& model, const Tensor& input)
      : model_(model),
        input_(input),
        context_(context),
        generator_(context.generator(input.device())),
        before_(model, generator_),
        recorder_(input.device()) {
    for (const auto& [name, tensor] : model.Parameters()) Fix(tensor, /*is_state=*/false);
    for (const auto& [name, tensor] : model.Buffers()) Fix(tensor, /*is_state=*/true);
    recorder_.AddBatch(input);
    recorder_.AllowDraws(generator_);
    recorder_.Pause();  // all of it is the part whose results may be kept
  }

  // What the model gives.
  Tensor Run(bool is_programs) {
    if (is_programs) watch_.emplace(context_.vm(), model_, recorder_);
    const Recorder::Scope scope(recorder_);
    std::optional<Watch::Scope> watched;
    if (watch_) watched.emplace(watch_->watch());
    return model_.Forward(context_, input_);
  }

  std::unique_ptr<ForwardKind> End(const Tensor& output) {
    auto kind = std::make_unique<ForwardKind>(TensorForm(input_), Modes(model_));
    if (watch_ && !watch_->watch().objection().empty()) {
      recorder_.Object("in procedures of the program " + watch_->watch().objection());
    }
    if (recorder_.reads() > 0) recorder_.Object("the model reads a number");
    try {
      MakePlan(output, kind.get());
    } catch (const std::exception& e) {
      kind->problem = std::string("no plan could be made: ") + e.what();
    }
    kind->fixed = std::move(fixed_);
    if (watch_) {
      for (const Tensor& constant : watch_->constants()) kind->constants.emplace_back(constant);
      kind->facts = ProgramFacts(Value::Nil(), watch_->watch().TakeReadings());
    }
    return kind;
  }

 private:
  void Fix(const Tensor& tensor, bool is_state) {
    is_state ? recorder_.AddState(tensor) : recorder_.AddFixed(tensor);
    if (tensor.device() == input_.device()) fixed_.emplace_back(tensor);
  }

  void MakePlan(const Tensor& output, ForwardKind* kind) {
    const size_t found = recorder_.Find(output);
    if (found == kNoTensor) recorder_.Object("the output is no result of an operation");
    const Trace trace = recorder_.Take();
    kind->problem = trace.problem;
    for (const PlanForm form : PlanFormsFor(trace.device)) {
      if (!kind->problem.empty()) return;
      auto plan = std::make_unique<Plan>(trace, std::vector<size_t>(), std::vector{found}, form);
      if (Repeats(*plan, output) && plan->Fits(trace)) {
        kind->plan = std::move(plan);
        return;
      }
    }
    kind->problem = "the plan does not repeat what the model does";
  }

  // Afterwards all is as the recorded run left it.
  bool Repeats(Plan& plan, const Tensor& output) {
    const StepState after(model_, generator_);
    before_.Restore();
    const Comparison comparison(plan);
    bool same = false;
    try {
      plan.SetBatch(0, input_);
      plan.RunSecond(generator_);
      same = comparison.Match(plan.gift(0).tensor, output) && after.Holds(comparison);
    } catch (const std::exception&) {  // nothing that the program did
    }
    plan.Release();
    after.Restore();
    return same;
  }

  Module& model_;
  const Tensor input_;
  TensorContext& context_;
  const at::Generator generator_;
  const StepState before_;
  Recorder recorder_;
  std::optional<StepWatch> watch_;
  std::vector<FixedTensor> fixed_;
};

}  // namespace

bool ForwardKind::Holds(Vm& vm) const {
  return Hold(fixed) && Hold(constants) && facts.Hold(vm, Value::Nil());
}

void ForwardKind::GiveUp(std::string why) {
  plan = nullptr;
  problem = std::move(why);
}

CapturedForward::CapturedForward(std::shared_ptr<Module> model)
    : model_(std::move(model)), repeats_(model_->Repeats()) {}

void CapturedForward::Trace(Marker& marker) const {
  model_->Trace(marker);
  for (const auto& kind : kinds_) kind->facts.Trace(marker);
}

Tensor CapturedForward::Run(TensorContext& context, const Tensor& input,
                            std::string_view* culprit) {
  const at::NoGradGuard no_grad;
  const Tensor plain = input.detach();
  if (!MayCapture(context, plain)) return model_->Forward(context, plain);
  ForwardKind* const kind = Find(plain);
  if (kind == nullptr) return Record(context, plain, /*renewals=*/0);
  if (kind->plan == nullptr) return model_->Forward(context, plain);
  if (kind->Holds(context.vm())) return Replay(context, *kind, plain, culprit);
  const int renewals = kind->renewals + 1;
  kinds_.erase(kinds_.begin());
  return Record(context, plain, renewals);
}

bool CapturedForward::MayCapture(const TensorContext& context, const Tensor& input) const {
  return context.settings().capture && IsPlain(input) && repeats_ != Module::Repetition::kNever &&
         (!is_programs() || CanCopyApart(input));
}

ForwardKind* CapturedForward::Find(const Tensor& input) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& kind) {
    return kind->input.Fits(input) && kind->modes.Fit(*model_);
  });
  if (found == kinds_.end()) return nullptr;
  std::rotate(kinds_.begin(), found, found + 1);  // the next one is probably alike
  return kinds_.front().get();
}

Tensor CapturedForward::Replay(TensorContext& context, ForwardKind& kind, const Tensor& input,
                               std::string_view* culprit) {
  struct Release {
    Plan& plan;
    ~Release() { plan.Release(); }
  };
  const Release release{*kind.plan};
  kind.plan->SetBatch(0, input);
  try {
    kind.plan->RunSecond(context.generator(input.device()));
  } catch (const std::exception&) {
    *culprit = kind.plan->failed_caller();
    throw;
  }
  ++replays_;
  return kind.plan->gift(0).tensor.variable_data();
}

Tensor CapturedForward::Record(TensorContext& context, const Tensor& input, int renewals) {
  constexpr int kRenewals = 8;  // then it is not worth while
  ForwardRecording recording(context, *model_, is_programs() ? CopyApart(input) : input);
  const Tensor output = recording.Run(is_programs());
  if (!output.defined()) return output;
  if (kinds_.size() == kKinds) kinds_.pop_back();
  kinds_.insert(kinds_.begin(), recording.End(output));
  kinds_.front()->renewals = renewals;
  if (renewals >= kRenewals) kinds_.front()->GiveUp("variables that it reads change");
  return output;
}

}  // namespace eta::tensor
