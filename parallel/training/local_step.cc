#include "parallel/training/local_step.h"

#include <ATen/ops/full.h>

#include "parallel/training/rows.h"
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

// The library's loss behind the procedure, or null.
tensor::LossTermsFn LibraryLoss(Value procedure) {
  const auto* native = As<NativeObject>(procedure);
  return native ? tensor::FindLossTerms(native->def->name) : nullptr;
}

LocalLoss FromTerms(const tensor::LossTerms& terms) {
  return {terms.numerator, terms.numerator.item().toDouble(), 1, terms.denominator};
}

// Calls the program's own procedure.
Value FromProcedure(Call& call, const StepArguments& arguments, const Tensor& prediction,
                    LocalLoss* loss) {
  Vm& vm = call.vm();
  call.Commit();  // the procedure may do anything
  const Root predicted(vm.heap(), tensor::WrapTensor(vm, prediction));
  const Root target(vm.heap(), tensor::WrapTensor(vm, arguments.target));
  const Value passed[] = {predicted, target};
  const Value result = vm.Call(arguments.loss_function, passed);
  if (result.IsFailure()) return result;
  const Tensor* root = tensor::TensorIn(result);
  if (root == nullptr || root->numel() != 1) {
    return call.Fail("the loss function must return a tensor of one element");
  }
  const auto rows = static_cast<double>(RowsOf(arguments.input));
  *loss = {*root, root->item().toDouble(), rows, rows};
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
  if (const auto terms = LibraryLoss(arguments.loss_function)) {
    *loss = FromTerms(terms(prediction, arguments.target));
    return Value::Nil();
  }
  return FromProcedure(call, arguments, prediction, loss);
}

void CountIn(const LocalLoss& loss, tensor::Optimizer* optimizer) {
  optimizer->accumulated.numerator += loss.numerator();
  optimizer->accumulated.denominator += loss.denominator;
}

void Accumulate(const LocalLoss& loss, tensor::Optimizer* optimizer) {
  const double before = optimizer->accumulated.denominator;
  CountIn(loss, optimizer);
  const double total = optimizer->accumulated.denominator;
  if (before != 0) optimizer->ScaleGradients(before / total);
  const double seed = loss.scale == total ? 1 : loss.scale / total;
  loss.root.backward(at::full(loss.root.sizes(), seed, loss.root.options().requires_grad(false)));
}

}  // namespace eta::parallel
