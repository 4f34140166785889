// Reductions, over all elements or along one axis, and the way back to plain numbers.
#include <ATen/ops/argmax.h>
#include <ATen/ops/argmin.h>
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
    Op<"torch/item">(
        [](Call& call, const Tensor& x) {
          if (x.numel() != 1) return call.Fail("scalar tensor required");
          return Value::Double(x.item().toDouble());
        },
        "(item x): the only element, as a float"),
    Op<"torch/to-list">([](Call& call, const Tensor& x) { return ToList(call.vm(), x); },
                        "(to-list x): all elements in row-major order, as floats"),
    Op<"torch/numel">([](const Tensor& x) { return x.numel(); },
                      "(numel x): the number of elements"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
