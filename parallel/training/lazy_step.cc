// (train-step-lazy! model optimizer loss-fn input target): train-step!, with the loss as a tensor,
// which where the step runs on a device need not be waited for. On the CPU the step is done when it
// returns, and its errors come at once.
#include <ATen/ops/scalar_tensor.h>

#include "torch/marshal.h"
#include "torch/op_table.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

Value TrainStepLazy(Vm& vm, Args args) {
  const GlobalSlot step = *vm.FindBuiltin(vm.names().Intern("optim/train-step!"));
  const Value loss = vm.Call(vm.globals()[step], args);
  if (loss.IsFailure()) return loss;
  return tensor::WrapTensor(vm, at::scalar_tensor(loss.AsDouble(), at::kDouble));
}

constexpr NativeDef kOps[] = {
    {"optim/train-step-lazy!", TrainStepLazy, 5, 5,
     "(train-step-lazy! model optimizer loss-fn input target): as train-step!, but the loss is a "
     "tensor of no dimensions, which nobody need wait for"},
};

const tensor::OpTable table(kOps);

}  // namespace
}  // namespace eta::parallel
