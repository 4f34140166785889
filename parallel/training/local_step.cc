#include "parallel/training/local_step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>

#include <utility>

#include "base/flush_to_zero.h"
#include "parallel/isolate/insight.h"
#include "parallel/isolate/no_sync.h"
#include "parallel/training/rows.h"
#include "torch/autocast.h"
#include "torch/loss.h"
#include "torch/marshal.h"

namespace eta::parallel {
namespace {

using tensor::Arg;
using tensor::Call;
using tensor::Tensor;

// Reads one argument; starts an error that says which one it is.
template <class T>
bool Read(Call& call, size_t index, std::string_view what, Arg<T>* arg) {
  if (arg->Read(call.args()[index])) return true;
  (void)call.Fail(std::string(what) + ": " + std::string(Arg<T>::kExpected));
  return false;
}

// Calls the program's own loss function.
Value CallProcedure(Call& call, const StepArguments& arguments, const Tensor& prediction,
                    Tensor* result) {
  Vm& vm = call.vm();
  const Root predicted(vm.heap(), tensor::WrapTensor(vm, prediction));
  const Root target(vm.heap(), tensor::WrapTensor(vm, arguments.target));
  const Value passed[] = {predicted, target};
  const Value returned = vm.Call(arguments.loss_function, passed);
  if (returned.IsFailure()) return returned;
  if (const Tensor* tensor = tensor::TensorIn(returned)) *result = *tensor;
  return Value::Nil();
}

// Calls the loss function: the library's, or a procedure of the program.
Value CallLoss(Call& call, const StepArguments& arguments, const Tensor& prediction,
               Tensor* result) {
  const auto* native = As<NativeObject>(arguments.loss_function);
  auto* const loss = native ? tensor::FindLoss(native->def->name) : nullptr;
  if (loss == nullptr) return CallProcedure(call, arguments, prediction, result);
  const tensor::OpInfo info{native->def->name, ""};
  return tensor::RunOperation(call.vm(), info, {}, [&](Call& own) {
    *result = loss(own, prediction, arguments.target, {});
    return Value::Nil();
  });
}

// On the CPU it is read at once: there is nothing to wait for.
LocalLoss UnreadLoss(const Tensor& root, double denominator, bool adds) {
  // Nothing that counts: the mean is nan, but these rows add nothing to a sum over all ranks.
  const bool counts = denominator != 0;
  LocalLoss loss{.root = root,
                 .unread = counts,
                 .scale = counts ? denominator : 1,
                 .denominator = denominator,
                 .adds = adds};
  if (root.is_cpu()) loss.Read();
  return loss;
}

// The loss of a prediction.
Value ComputeRoot(Call& call, const StepArguments& arguments, const Tensor& prediction,
                  Tensor* root) {
  call.Commit();  // the procedure may do anything
  if (CallLoss(call, arguments, prediction, root).IsFailure()) return Value::Failure();
  if (root->defined() && root->numel() == 1) return Value::Nil();
  return call.Fail("the loss function must return a tensor of one element");
}

// Likewise of the input.
Value ComputeRoot(Call& call, const StepArguments& arguments, Tensor* root) {
  const Tensor prediction = (*arguments.model)->Forward(call.context(), arguments.input);
  if (!prediction.defined()) return Value::Failure();
  return ComputeRoot(call, arguments, prediction, root);
}

LocalLoss Weigh(const tensor::LossNotes& notes, const StepArguments& arguments,
                const Tensor& root) {
  const tensor::LossNote* note = notes.Find(root);
  const double count = note ? note->denominator() : static_cast<double>(RowsOf(arguments.input));
  return UnreadLoss(root, count, note != nullptr && note->adds);
}

Value ComputeEagerly(Call& call, const StepArguments& arguments, LocalLoss* loss) {
  const tensor::LossNotes notes(call.context());
  Tensor root;
  if (ComputeRoot(call, arguments, &root).IsFailure()) return Value::Failure();
  *loss = Weigh(notes, arguments, root);
  return Value::Nil();
}

// What is thrown counts as thrown by the operation that it comes from.
Value ReplayLoss(Call& call, const tensor::StepBatch& batch, tensor::StepPlan* plan,
                 LocalLoss* loss) {
  tensor::Replay replay(plan);
  try {
    at::Generator& generator = call.context().generator(batch.input.device());
    const double denominator = plan->RunForward(batch.input, batch.target, generator);
    *loss = UnreadLoss(plan->loss(), denominator, plan->facts().adds);
  } catch (const std::exception&) {
    if (plan->failed_caller().empty()) throw;
    const tensor::OpInfo info{plan->failed_caller(), ""};
    return tensor::RunOperation(call.vm(), info, {}, [](Call&) -> Value { throw; });
  }
  call.Commit();
  if (Insight* const insight = Insight::Of(call.vm())) insight->log().CountReplay();
  loss->replay = std::move(replay);
  return Value::Nil();
}

// As ComputeEagerly. What the recording is to become is decided in the backward pass.
Value RecordLoss(Call& call, StepArguments arguments, bool is_programs, LocalLoss* loss) {
  using Recording = tensor::StepRecording;
  if (is_programs) {
    arguments.input = tensor::CopyApart(arguments.input);
    arguments.target = tensor::CopyApart(arguments.target);
  }
  auto recording = std::make_unique<Recording>(
      **arguments.optimizer,
      tensor::StepBatch{arguments.loss_function, arguments.input, arguments.target},
      call.context().generator(arguments.input.device()), is_programs ? &call.vm() : nullptr,
      /*exact=*/call.context().settings().shards > 0);
  const tensor::LossNotes notes(call.context());
  Tensor root;
  {
    const Recording::Scope scope(*recording);
    if (ComputeRoot(call, arguments, &root).IsFailure()) return Value::Failure();
  }
  recording->EndLoss();
  {
    const Recording::Scope scope(*recording);
    *loss = Weigh(notes, arguments, root);
  }
  if (loss->denominator == 0) return Value::Nil();  // not a step to learn from
  loss->Read();
  recording->EndForward(loss->root, {loss->value, loss->denominator}, loss->adds);
  loss->recording = std::move(recording);
  return Value::Nil();
}

void CountLaunch(const Vm& vm, tensor::StepPlan& plan) {
  Insight* const insight = Insight::Of(vm);
  if (insight != nullptr && plan.plan().launches()) insight->log().CountLaunch();
}

// Null: nobody listens.
tensor::StepPlan::Ready Teller(const GradientNews* news) {
  GradientListener* const listener = news == nullptr ? nullptr : news->listener;
  if (listener == nullptr) return nullptr;
  return [listener](const Tensor& parameter) { listener->OnGradient(parameter, /*held=*/false); };
}

}  // namespace

void LocalLoss::Read() {
  if (std::exchange(unread, false)) value = tensor::NumberIn(root);
}

bool ReadStepArguments(Call& call, StepArguments* arguments) {
  Arg<std::shared_ptr<tensor::Module>> model;
  Arg<std::shared_ptr<tensor::Optimizer>> optimizer;
  Arg<Tensor> input, target;
  if (!Read(call, 0, "model", &model) || !Read(call, 1, "optimizer", &optimizer)) return false;
  if (!IsProcedure(call.args()[2])) {
    (void)call.Fail("loss function: procedure required");
    return false;
  }
  if (!Read(call, 3, "input", &input) || !Read(call, 4, "target", &target)) return false;
  *arguments = {&model.get(), &optimizer.get(), call.args()[2], input.get(), target.get()};
  return true;
}

// Probabilities and gradients of what a model knows by heart are smaller than any normal number.
Value ComputeLoss(Call& call, const StepArguments& arguments, LocalLoss* loss) {
  using tensor::CapturedSteps;
  const FlushToZero flush;
  const tensor::RankStream own_randomness(call.context());
  tensor::Optimizer& optimizer = **arguments.optimizer;
  const tensor::StepBatch batch{arguments.loss_function, arguments.input, arguments.target};
  CapturedSteps& steps = CapturedSteps::Of(optimizer);
  const auto kind = steps.Enter(call.context(), optimizer, **arguments.model, batch);
  if (kind != nullptr && kind->plan != nullptr) {
    return ReplayLoss(call, batch, kind->plan.get(), loss);
  }
  if (kind == nullptr || !kind->WantsRecording()) return ComputeEagerly(call, arguments, loss);
  const Value done = RecordLoss(call, arguments, steps.IsPrograms(batch), loss);
  loss->kind = kind;
  return done;
}

Value ComputeLossTogether(Call& call, const StepArguments& arguments, LocalLoss* loss) {
  const FlushToZero flush;
  const tensor::RankStream own_randomness(call.context());
  const Tensor prediction = (*arguments.model)->Forward(call.context(), arguments.input);
  if (!prediction.defined()) return Value::Failure();
  if (RowsOf(arguments.input) > 0) {
    const tensor::LossNotes notes(call.context());
    Tensor root;
    if (ComputeRoot(call, arguments, prediction, &root).IsFailure()) return Value::Failure();
    *loss = Weigh(notes, arguments, root);
  }
  if (loss->denominator == 0) *loss = {.root = prediction.sum(), .adds = loss->adds};
  return Value::Nil();
}

bool GathersOnly(const Vm& vm, Args args) {
  const auto* optimizer = args.size() > 1 ? tensor::OptimizerIn(args[1]) : nullptr;
  return NoSync::IsOn(vm) || (optimizer != nullptr && (*optimizer)->GathersNext());
}

void Backward(const LocalLoss& loss, double seed, tensor::TensorContext& context,
              tensor::Optimizer& optimizer, const GradientNews* news) {
  const tensor::NoAutocast off;
  const FlushToZero flush;
  if (loss.replay == nullptr) context.arenas()->PayGradients();
  if (loss.replay != nullptr) {
    const tensor::RankStream own_randomness(context);
    at::Generator& generator = context.generator(loss.root.device());
    loss.replay->RunBackward(seed, generator, optimizer, Teller(news));
    CountLaunch(context.vm(), *loss.replay);
  } else if (loss.recording != nullptr) {
    loss.kind->Keep(loss.recording->Backward(loss.root, seed));
  } else {
    loss.root.backward(at::full(loss.root.sizes(), seed, loss.root.options().requires_grad(false)));
  }
}

void Accumulate(LocalLoss& loss, tensor::TensorContext& context, tensor::Optimizer* optimizer,
                const GradientNews* news) {
  const double before = optimizer->accumulated.denominator;
  tensor::LossSums sums = optimizer->accumulated;
  const double total = (sums += loss.sums()).denominator;
  if (before != 0 && before != total) optimizer->ScaleGradients(before / total);
  const double seed = loss.scale == total ? 1 : loss.scale / total;
  Backward(loss, seed * optimizer->loss_scale.factor(), context, *optimizer, news);
  loss.Read();
  optimizer->accumulated += loss.sums();
}

}  // namespace eta::parallel
