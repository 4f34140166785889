#include "parallel/training/local_step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>

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

Value WeighLoss(Call& call, const StepArguments& arguments, const Tensor& prediction,
                LocalLoss* loss) {
  call.Commit();  // the procedure may do anything
  const tensor::LossNotes notes(call.context());
  Tensor root;
  if (CallLoss(call, arguments, prediction, &root).IsFailure()) return Value::Failure();
  if (!root.defined() || root.numel() != 1) {
    return call.Fail("the loss function must return a tensor of one element");
  }
  const tensor::LossNote* note = notes.Find(root);
  const double count = note ? note->denominator : static_cast<double>(RowsOf(arguments.input));
  // Nothing that counts: the mean is nan, but these rows add nothing to a sum over all ranks.
  const bool counts = count != 0;
  *loss = {.root = root,
           .value = counts ? root.item().toDouble() : 0,
           .scale = counts ? count : 1,
           .denominator = count,
           .adds = note != nullptr && note->adds};
  return Value::Nil();
}

}  // namespace

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

Value ComputeLoss(Call& call, const StepArguments& arguments, LocalLoss* loss) {
  const tensor::RankStream own_randomness(call.context());
  const Tensor prediction = (*arguments.model)->Forward(call.context(), arguments.input);
  if (!prediction.defined()) return Value::Failure();
  return WeighLoss(call, arguments, prediction, loss);
}

Value ComputeLossTogether(Call& call, const StepArguments& arguments, LocalLoss* loss) {
  const tensor::RankStream own_randomness(call.context());
  const Tensor prediction = (*arguments.model)->Forward(call.context(), arguments.input);
  if (!prediction.defined()) return Value::Failure();
  if (RowsOf(arguments.input) > 0 && WeighLoss(call, arguments, prediction, loss).IsFailure()) {
    return Value::Failure();
  }
  if (loss->denominator == 0) *loss = {.root = prediction.sum(), .adds = loss->adds};
  return Value::Nil();
}

bool GathersOnly(const Vm& vm, Args args) {
  const auto* optimizer = args.size() > 1 ? tensor::OptimizerIn(args[1]) : nullptr;
  return NoSync::IsOn(vm) || (optimizer != nullptr && (*optimizer)->GathersNext());
}

void Backward(const LocalLoss& loss, double seed) {
  const tensor::NoAutocast off;
  loss.root.backward(at::full(loss.root.sizes(), seed, loss.root.options().requires_grad(false)));
}

void Accumulate(const LocalLoss& loss, tensor::Optimizer* optimizer) {
  const double before = optimizer->accumulated.denominator;
  optimizer->accumulated += loss.sums();
  const double total = optimizer->accumulated.denominator;
  if (before != 0 && before != total) optimizer->ScaleGradients(before / total);
  const double seed = loss.scale == total ? 1 : loss.scale / total;
  Backward(loss, seed * optimizer->loss_scale.factor());
}

}  // namespace eta::parallel
