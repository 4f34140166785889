// Reductions, over all elements or along one axis, and the way back to plain numbers.
#include <ATen/ops/argmax.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/max.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/min.h>
#include <ATen/ops/sum.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

using OptionalAxis = std::optional<Axis>;
using OptionalBool = std::optional<bool>;
using OptionalDouble = std::optional<double>;

std::optional<int64_t> Raw(const OptionalAxis& axis) {
  return axis ? std::optional(axis->value) : std::nullopt;
}

Value ToList(Vm& vm, const Tensor& tensor) {
  const Tensor numbers = tensor.detach().to(at::TensorOptions(at::kCPU).dtype(at::kDouble));
  const Tensor flat = numbers.contiguous();
  const double* data = flat.const_data_ptr<double>();
  Root list(vm.heap());
  for (int64_t i = flat.numel(); i-- > 0;) list = vm.heap().Cons(Value::Double(data[i]), list);
  return list;
}

at::OptionalIntArrayRef Dims(const OptionalAxis& axis) {
  if (!axis) return std::nullopt;
  return at::IntArrayRef(&axis->value, 1);
}

// Contiguous and on the CPU: float64, or int64 for integers and booleans.
Tensor OnCpu(const Tensor& x) {
  const bool integral = c10::isIntegralType(x.scalar_type(), /*includeBool=*/true);
  return x.detach()
      .to(at::TensorOptions(at::kCPU).dtype(integral ? at::kLong : at::kDouble))
      .contiguous();
}

// REQUIRES: `x` is from OnCpu.
Value NumberAt(Vm& vm, const Tensor& x, int64_t i) {
  if (x.scalar_type() == at::kLong) return vm.heap().Integer(x.const_data_ptr<int64_t>()[i]);
  return Value::Double(x.const_data_ptr<double>()[i]);
}

Value NestedList(Vm& vm, const Tensor& x) {
  if (x.dim() == 0) return NumberAt(vm, x, 0);
  Root list(vm.heap());
  for (int64_t i = x.size(0); i-- > 0;) {
    const Root item(vm.heap(), x.dim() == 1 ? NumberAt(vm, x, i) : NestedList(vm, x[i]));
    list = vm.heap().Cons(item, list);
  }
  return list;
}

Value ToVector(Vm& vm, const Tensor& x) {
  const Root vector(vm.heap(), vm.heap().Vector(static_cast<size_t>(x.numel()), Value::Nil()));
  for (int64_t i = 0; i < x.numel(); ++i) {
    const Value number = NumberAt(vm, x, i);
    As<VectorObject>(vector)->elements[i] = number;
  }
  return vector;
}

constexpr NativeDef kOps[] = {
    Op<"torch/sum">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? at::sum(x, axis->value, keep.value_or(false)) : at::sum(x);
        },
        "(tsum x [axis [keep-axis]]): the sum"),
    Op<"torch/mean">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? at::mean(x, axis->value, keep.value_or(false)) : at::mean(x);
        },
        "(mean x [axis [keep-axis]]): the mean"),
    Op<"torch/max">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? std::get<0>(at::max(x, axis->value, keep.value_or(false))) : at::max(x);
        },
        "(tmax x [axis [keep-axis]]): the largest element"),
    Op<"torch/min">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? std::get<0>(at::min(x, axis->value, keep.value_or(false))) : at::min(x);
        },
        "(tmin x [axis [keep-axis]]): the smallest element"),
    Op<"torch/argmax">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return at::argmax(x, Raw(axis), keep.value_or(false));
        },
        "(argmax x [axis [keep-axis]]): the index of the largest element, int64"),
    Op<"torch/argmin">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return at::argmin(x, Raw(axis), keep.value_or(false));
        },
        "(argmin x [axis [keep-axis]]): the index of the smallest element, int64"),
    Op<"torch/prod">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? x.prod(axis->value, keep.value_or(false)) : x.prod();
        },
        "(prod x [axis [keep-axis]]): the product"),
    Op<"torch/var">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep, OptionalDouble correction) {
          return x.var(Dims(axis), correction.value_or(1), keep.value_or(false));
        },
        "(var x [axis [keep-axis [correction]]]): the variance, divided by n - correction, n - 1"),
    Op<"torch/std">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep, OptionalDouble correction) {
          return x.std(Dims(axis), correction.value_or(1), keep.value_or(false));
        },
        "(std x [axis [keep-axis [correction]]]): the standard deviation"),
    Op<"torch/median">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool keep) {
          return axis ? std::get<0>(x.median(axis->value, keep.value_or(false))) : x.median();
        },
        "(median x [axis [keep-axis]]): the element in the middle, of two the smaller one"),
    Op<"torch/norm">(
        [](const Tensor& x, OptionalDouble p, OptionalAxis axis, OptionalBool keep) {
          return at::linalg_vector_norm(x, p.value_or(2), Dims(axis), keep.value_or(false));
        },
        "(norm x [p [axis [keep-axis]]]): the p-norm of the elements, the Euclidean one"),
    Op<"torch/logsumexp">(
        [](const Tensor& x, const Axes& axes, OptionalBool keep) {
          return x.logsumexp(axes.values, keep.value_or(false));
        },
        "(logsumexp x axes [keep-axes]): log(sum(e^x)), without overflow"),
    Op<"torch/count-nonzero">(
        [](const Tensor& x, OptionalAxis axis) { return x.count_nonzero(Raw(axis)); },
        "(count-nonzero x [axis]): how many elements are not 0"),
    Op<"torch/cumsum">([](const Tensor& x, Axis axis) { return x.cumsum(axis.value); },
                       "(cumsum x axis): the sums up to each element"),
    Op<"torch/cumprod">([](const Tensor& x, Axis axis) { return x.cumprod(axis.value); },
                        "(cumprod x axis): the products up to each element"),
    Op<"torch/item">(
        [](Call& call, const Tensor& x) {
          if (x.numel() != 1) return call.Fail("scalar tensor required");
          return Value::Double(x.item().toDouble());
        },
        "(item x): the only element, as a float"),
    Op<"torch/to-list">([](Call& call, const Tensor& x) { return ToList(call.vm(), x); },
                        "(to-list x): all elements in row-major order, as floats"),
    Op<"torch/to-nested-list">(
        [](Call& call, const Tensor& x) { return NestedList(call.vm(), OnCpu(x)); },
        "(to-nested-list x): a list of lists in its shape, of floats, or integers if it holds "
        "integers or booleans; a number if it has no axis"),
    Op<"torch/to-vector">([](Call& call, const Tensor& x) { return ToVector(call.vm(), OnCpu(x)); },
                          "(to-vector x): a vector of all elements in row-major order"),
    Op<"torch/numel">([](const Tensor& x) { return x.numel(); },
                      "(numel x): the number of elements"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
