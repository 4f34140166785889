// (train-step! model optimizer loss-fn input target), alone and among replicas.
#include <cmath>
#include <optional>
#include <string>

#include "parallel/isolate/insight.h"
#include "parallel/isolate/no_sync.h"
#include "parallel/training/healing.h"
#include "parallel/training/joint_step.h"
#include "parallel/training/local_step.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/replica_training.h"
#include "parallel/training/shrinking.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

constexpr tensor::OpInfo kTrainStep{"optim/train-step!", ""};

// Ends the step of an only replica: `what` is not finite.
Value StopOrSkip(tensor::Call& call, const LaunchOptions& only, tensor::Optimizer& optimizer,
                 double loss, const std::string& what) {
  if (only.on_nonfinite == OnNonfinite::kSkip) {
    optimizer.buffers.Restore();
    return Value::Double(loss);
  }
  return call.vm().Fail(kNonfinite, std::string(call.name()) + ": " + what);
}

// Ends a step of which the loss or a gradient is not finite, if somebody wants to know.
std::optional<Value> EndIfNonfinite(tensor::Call& call, tensor::Optimizer& optimizer,
                                    const LaunchOptions* only, double mean) {
  const bool is_dynamic = optimizer.loss_scale.dynamic();
  if (only == nullptr && !is_dynamic) return std::nullopt;
  std::string what;
  if (!std::isfinite(mean)) {
    what = DescribeNonfiniteLoss(optimizer.accumulated.denominator, -1);
  } else {
    const std::string name = FindNonfiniteGradient(optimizer, *call.context().arenas());
    if (name.empty()) return std::nullopt;
    what = "the gradient of " + name + " is not finite";
  }
  if (!is_dynamic) return StopOrSkip(call, *only, optimizer, mean, what);
  optimizer.loss_scale.BackOff();
  return Value::Double(mean);
}

// After a step: it counts, or comes to nothing.
void End(tensor::Optimizer& optimizer, bool done, bool gathers_only) {
  done ? optimizer.buffers.Forget() : optimizer.buffers.Restore();
  if (!done || !gathers_only) optimizer.ForgetAccumulated();
}

// Where the phases of the step that begins are noted; may be null.
PhaseLog* BeginStep(const Vm& vm, bool gathers_only) {
  Insight* const insight = Insight::Of(vm);
  if (insight == nullptr) return nullptr;
  PhaseLog& log = insight->log();
  if (!gathers_only) log.SetStep(log.step() + 1);
  return &log;
}

// What a program that runs alone gets: nothing that has to do with replicas. Whether the loss and
// the gradients are finite is looked at for an only replica, which has LaunchOptions.
Value StepAlone(tensor::Call& call) {
  const bool gathers_only = GathersOnly(call.vm(), call.args());
  PhaseLog* const log = BeginStep(call.vm(), gathers_only);
  StepArguments arguments;
  if (!ReadStepArguments(call, &arguments)) return Value::Failure();
  tensor::Optimizer& optimizer = **arguments.optimizer;
  optimizer.Prepare();
  const LaunchOptions* only = LaunchOptions::OfOnlyReplica(call.vm());
  LocalLoss loss;
  {
    const PhaseScope scope(log, Phase::kForward);
    if (optimizer.accumulated.denominator == 0) optimizer.ClearGradients();
    optimizer.buffers.Save(*arguments.model);
    if (ComputeLoss(call, arguments, &loss).IsFailure()) return Value::Failure();
  }
  const double before = optimizer.accumulated.denominator;
  call.Commit();
  if (!NoSync::IsOn(call.vm())) ++optimizer.batches;
  const tensor::Optimizer::Mask* mask;
  {
    const PhaseScope scope(log, Phase::kBackward);
    // A batch without rows adds nothing to others.
    if (loss.denominator != 0 || (before == 0 && !gathers_only)) {
      Accumulate(loss, call.context(), &optimizer);
    }
    mask = &optimizer.TakeGradients();
  }
  if (gathers_only) {
    const bool is_shared = only != nullptr && !NoSync::IsOn(call.vm());
    const bool may_pass = std::isfinite(loss.mean()) || optimizer.loss_scale.dynamic();
    if (!is_shared || may_pass) return Value::Double(loss.mean());
    return StopOrSkip(call, *only, optimizer, loss.mean(),
                      DescribeNonfiniteLoss(loss.denominator, -1));
  }
  const double mean = before == 0 ? loss.mean() : optimizer.accumulated.mean();
  if (const auto ended = EndIfNonfinite(call, optimizer, only, mean)) return *ended;
  const PhaseScope scope(log, Phase::kUpdate);
  optimizer.Update(*mask);
  optimizer.loss_scale.Advance();
  if (optimizer.settings.shard) optimizer.ZeroGradients();  // as on several replicas
  return Value::Double(mean);
}

Value TrainTogether(Vm& vm, ReplicaTraining& training, Args args) {
  switch (training.options().on_failure) {
    case OnFailure::kHeal:
      return TrainAndHeal(vm, training, kTrainStep, args);
    case OnFailure::kShrink:
      return TrainAndShrink(vm, training, kTrainStep, args);
    case OnFailure::kStop:
      break;
  }
  return JointStep(vm, training, kTrainStep, args).Run();
}

Value TrainStep(Vm& vm, Args args) {
  if (ReplicaTraining* training = ReplicaTraining::Of(vm)) {
    return TrainTogether(vm, *training, args);
  }
  const bool gathers_only = GathersOnly(vm, args);
  const Value loss = tensor::RunOperation(vm, kTrainStep, args, StepAlone);
  if (const auto* known = tensor::OptimizerIn(args[1])) {
    End(**known, !loss.IsFailure(), gathers_only);
  }
  const Insight* const insight = Insight::Of(vm);
  return loss.IsFailure() || insight == nullptr ? loss : EndStep(vm, loss, insight->signal());
}

constexpr NativeDef kOps[] = {
    {kTrainStep.name, TrainStep, 5, 5,
     "(train-step! model optimizer loss-fn input target): one step of training on a batch; the "
     "loss before it, as a float. Replicas average over the rows of all"},
};

// `step!` must not apply gradients that are one replica's own.
void GuardSteps(Vm& vm) {
  const ReplicaTraining* training = ReplicaTraining::Of(vm);
  if (training == nullptr || training->records.size() == 1) return;
  const auto objection = [&vm](const auto& optimizer) -> std::optional<std::string> {
    const ReplicaTraining& own = *ReplicaTraining::Of(vm);
    if (own.records.size() == 1) return std::nullopt;  // the others have been dropped
    return own.reduced.Objection(optimizer, *tensor::TensorContext::Of(vm).arenas());
  };
  vm.Attach(tensor::kStepGuard, std::make_shared<tensor::StepGuard>(objection));
}

const tensor::OpTable table(kOps, GuardSteps);

}  // namespace
}  // namespace eta::parallel
