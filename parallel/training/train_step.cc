// (train-step! model optimizer loss-fn input target), alone and among replicas.
#include <cmath>
#include <string>

#include "parallel/training/joint_step.h"
#include "parallel/training/local_step.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/replica_training.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

constexpr tensor::OpInfo kTrainStep{"optim/train-step!", ""};

Value FailOfNonfinite(tensor::Call& call, const std::string& what) {
  return call.vm().Fail(kNonfinite, std::string(call.name()) + ": " + what);
}

// What a program that runs alone gets: nothing that has to do with replicas. Whether the loss and
// the gradients are finite is looked at for an only replica, which has LaunchOptions.
Value StepAlone(tensor::Call& call) {
  StepArguments arguments;
  if (!ReadStepArguments(call, &arguments)) return Value::Failure();
  tensor::Optimizer& optimizer = **arguments.optimizer;
  optimizer.Prepare();
  optimizer.ZeroGradients();
  LocalLoss loss;
  if (ComputeLoss(call, arguments, &loss).IsFailure()) return Value::Failure();
  const LaunchOptions* only = LaunchOptions::OfOnlyReplica(call.vm());
  const bool skips = only != nullptr && only->on_nonfinite == OnNonfinite::kSkip;
  const Value result = Value::Double(loss.mean());
  if (only != nullptr && !std::isfinite(loss.mean())) {
    return skips ? result : FailOfNonfinite(call, DescribeNonfiniteLoss(loss.denominator, -1));
  }
  call.Commit();
  Backward(loss, loss.denominator);
  const tensor::Optimizer::Mask mask = optimizer.TakeGradients();
  if (only != nullptr) {
    const std::string name = FindNonfiniteGradient(optimizer, *call.context().arenas());
    if (!name.empty()) {
      return skips ? result : FailOfNonfinite(call, "the gradient of " + name + " is not finite");
    }
  }
  optimizer.Update(mask);
  return result;
}

Value TrainStep(Vm& vm, Args args) {
  if (ReplicaTraining* training = ReplicaTraining::Of(vm)) {
    return JointStep(vm, *training, kTrainStep, args).Run();
  }
  return tensor::RunOperation(vm, kTrainStep, args, StepAlone);
}

constexpr NativeDef kOps[] = {
    {kTrainStep.name, TrainStep, 5, 5,
     "(train-step! model optimizer loss-fn input target): one step of training on a batch; the "
     "loss before it, as a float. Replicas average over the rows of all"},
};

// `step!` must not apply gradients that are one replica's own.
void GuardSteps(Vm& vm) {
  if (ReplicaTraining::Of(vm) == nullptr) return;
  vm.Attach(tensor::kStepGuard, std::make_shared<tensor::StepGuard>([&vm](const auto& optimizer) {
              const auto& arenas = *tensor::TensorContext::Of(vm).arenas();
              return ReplicaTraining::Of(vm)->reduced.Objection(optimizer, arenas);
            }));
}

const tensor::OpTable table(kOps, GuardSteps);

}  // namespace
}  // namespace eta::parallel
