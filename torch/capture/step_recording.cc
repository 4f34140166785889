#include "torch/capture/step_recording.h"

#include <ATen/ops/full.h>

#include <utility>

namespace eta::tensor {

StepRecording::StepRecording(const Optimizer& optimizer, StepBatch batch,
                             const at::Generator& generator, Vm* vm, bool exact)
    : optimizer_(optimizer),
      batch_(std::move(batch)),
      generator_(generator),
      before_(*optimizer.module(), generator),
      exact_(exact),
      recorder_(batch_.input.device()) {
  auto fix = [&](const Tensor& tensor, bool is_state) {
    is_state ? recorder_.AddState(tensor) : recorder_.AddFixed(tensor);
    if (tensor.device() == batch_.input.device()) facts_.fixed.emplace_back(tensor);
  };
  for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const Tensor& parameter = optimizer.parameters()[i].tensor;
    fix(parameter, /*is_state=*/false);
    if (parameter.grad().defined()) fix(parameter.grad(), /*is_state=*/true);
  }
  for (const NamedParameter& buffer : optimizer.module()->Buffers()) {
    fix(buffer.tensor, /*is_state=*/true);
    if (buffer.tensor.requires_grad()) recorder_.Object("a buffer tracks gradients");
  }
  recorder_.AddBatch(batch_.input);
  recorder_.AddBatch(batch_.target);
  recorder_.AllowDraws(generator_);
  if (vm != nullptr) watch_.emplace(*vm, *optimizer.module(), recorder_);
}

void StepRecording::EndLoss() {
  if (recorder_.reads() > 0) recorder_.Object("the model or the loss reads a number");
}

// What is read is by what the mean is divided, if that is not known before, and the mean.
void StepRecording::EndForward(const Tensor& root, const StepPlan::Loss& loss, bool adds) {
  loss_ = loss;
  facts_.adds = adds;
  facts_.root = recorder_.Find(root);
  facts_.fixed_denominator = loss.denominator;
  if (loss.denominator == 0) recorder_.Object("nothing counts in the loss");
  if (facts_.root == kNoTensor) recorder_.Object("the loss is no result of an operation");
  if (recorder_.reads() > 0 && recorder_.read(0) != facts_.root) {
    facts_.denominator = recorder_.read(0);
  }
  recorder_.Pause();
  if (!watch_) return;
  if (!watch_->watch().objection().empty()) {
    recorder_.Object("in procedures of the program " + watch_->watch().objection());
  }
  for (const Tensor& constant : watch_->constants()) facts_.constants.emplace_back(constant);
}

RecordedPlan StepRecording::Backward(const Tensor& root, double seed) {
  facts_.seed = at::full(root.sizes(), seed, root.options().requires_grad(false));
  recorder_.AddFixed(facts_.seed);
  const size_t reads = recorder_.reads();
  {
    const Recorder::Scope scope(recorder_);
    root.backward(facts_.seed);
  }
  // What it does then may depend on the number.
  if (recorder_.reads() > reads) recorder_.Object("the backward pass reads a number");
  NoteGradients();
  RecordedPlan recorded;
  try {
    recorded.plan = MakePlan(seed, &recorded.problem);
  } catch (const std::exception& e) {  // too little memory, if anything
    recorded.problem = std::string("no plan could be made: ") + e.what();
  }
  if (watch_) recorded.facts = ProgramFacts(batch_.loss, watch_->watch().TakeReadings());
  return recorded;
}

void StepRecording::NoteGradients() {
  for (size_t i = 0; i < optimizer_.parameters().size(); ++i) {
    const auto place = optimizer_.PlaceOf(i);
    if (!place.arena->HasGradient(place.index)) continue;
    const auto& entry = place.arena->entries()[place.index];
    const bool large = place.arena->blocks()[entry.block].large;
    const Tensor& gradient = optimizer_.parameters()[i].tensor.grad();
    const size_t found = recorder_.Find(gradient);
    if (found == kNoTensor) return recorder_.Object("a gradient is no result of an operation");
    if (!large && !gradient.is_same(entry.gradient)) {
      recorder_.Object("a gradient has left its place");
    }
    (large ? facts_.made : facts_.in_place).push_back(i);
    (large ? facts_.gradients : facts_.places).push_back(found);
  }
}

std::unique_ptr<StepPlan> StepRecording::MakePlan(double seed, std::string* problem) {
  const Trace trace = recorder_.Take();
  *problem = trace.problem;
  if (!problem->empty()) return nullptr;
  for (const PlanForm form : PlanFormsFor(trace.device)) {
    auto plan = std::make_unique<StepPlan>(trace, facts_, form, optimizer_);
    if (exact_ && plan->plan().rounding_steps() > 0) continue;
    const RecordedStep step{batch_, before_, loss_, seed};
    if (!RepeatsStep(*plan, optimizer_, step, generator_) || !plan->plan().Fits(trace)) continue;
    if (!trace.device.is_cpu()) plan->plan().UseGraphs();
    return plan;
  }
  *problem = "the plan does not repeat the step";
  return nullptr;
}

}  // namespace eta::tensor
