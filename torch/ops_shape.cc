// Shapes: what they are, and other arrangements of the same elements.
#include <ATen/ops/adaptive_avg_pool1d.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/reshape.h>
#include <ATen/ops/squeeze.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/transpose.h>
#include <ATen/ops/unsqueeze.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_linear1d.h>
#include <ATen/ops/upsample_nearest1d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

std::vector<Tensor> Split(const Tensor& x, const std::vector<int64_t>& sizes, int64_t axis) {
  return sizes.size() == 1 ? x.split(sizes[0], axis) : x.split_with_sizes(sizes, axis);
}

// The name of a mode, `otherwise` if none is given.
std::string ModeName(const std::optional<Value>& mode, const char* otherwise) {
  if (!mode) return otherwise;
  TORCH_CHECK(IsSymbol(*mode), "the mode is a symbol");
  return SymbolName(*mode);
}

Tensor Pad(const Tensor& x, const std::vector<int64_t>& sizes, const std::optional<Value>& mode,
           std::optional<double> value) {
  return at::pad(x, sizes, ModeName(mode, "constant"), value);
}

Tensor Interpolate(const Tensor& x, const std::vector<int64_t>& size,
                   const std::optional<Value>& given, bool align_corners) {
  const std::string mode = ModeName(given, "nearest");
  const bool signals = size.size() == 1;
  TORCH_CHECK(signals || size.size() == 2, "the size is a list of 1 or 2 integers");
  if (mode == "nearest") {
    return signals ? at::upsample_nearest1d(x, size) : at::upsample_nearest2d(x, size);
  }
  if (mode == "area") {
    return signals ? at::adaptive_avg_pool1d(x, size) : at::adaptive_avg_pool2d(x, size);
  }
  if (mode == "linear" && signals) return at::upsample_linear1d(x, size, align_corners);
  if (mode == "bilinear" && !signals) return at::upsample_bilinear2d(x, size, align_corners);
  if (mode == "bicubic" && !signals) return at::upsample_bicubic2d(x, size, align_corners);
  TORCH_CHECK(false, "no mode '", mode, " for a size of ", size.size(), " integers");
}

constexpr NativeDef kOps[] = {
    Op<"torch/shape">([](const Tensor& x) { return x.sizes(); },
                      "(shape x): the sizes of its axes, a list"),
    Op<"torch/reshape">(
        [](const Tensor& x, const Shape& shape) { return at::reshape(x, shape.sizes); },
        "(reshape x shape): the same elements in another shape; one size may be -1"),
    Op<"torch/transpose">(
        [](const Tensor& x, Axis a, Axis b) { return at::transpose(x, a.value, b.value); },
        "(transpose x axis axis): with two axes exchanged"),
    Op<"torch/squeeze">(
        [](const Tensor& x, std::optional<Axis> axis) {
          return axis ? at::squeeze(x, axis->value) : at::squeeze(x);
        },
        "(squeeze x [axis]): without its axes of size 1, or without that one"),
    Op<"torch/unsqueeze">([](const Tensor& x, Axis axis) { return at::unsqueeze(x, axis.value); },
                          "(unsqueeze x axis): with a new axis of size 1"),
    Op<"torch/cat">(
        [](const std::vector<Tensor>& xs, Axis axis) { return at::cat(xs, axis.value); },
        "(cat tensors axis): joined along an axis"),
    Op<"torch/stack">(
        [](const std::vector<Tensor>& xs, Axis axis) { return at::stack(xs, axis.value); },
        "(stack tensors axis): joined along a new axis"),
    Op<"torch/chunk">(
        [](const Tensor& x, int64_t count, std::optional<Axis> axis) {
          return x.chunk(count, axis ? axis->value : 0);
        },
        "(chunk x n [axis]): a list of at most n parts of an axis, the first one"),
    Op<"torch/split">(
        [](const Tensor& x, const Axes& sizes, std::optional<Axis> axis) {
          return Split(x, sizes.values, axis ? axis->value : 0);
        },
        "(split x size [axis]): a list of parts of that size, or of the sizes in a list"),
    Op<"torch/unbind">(
        [](const Tensor& x, std::optional<Axis> axis) { return x.unbind(axis ? axis->value : 0); },
        "(unbind x [axis]): the list of the parts at each index of an axis, the first one"),
    Op<"torch/flip">([](const Tensor& x, const Axes& axes) { return x.flip(axes.values); },
                     "(tflip x axes): with these axes reversed"),
    Op<"torch/roll">(
        [](const Tensor& x, const Axes& shifts, const std::optional<Axes>& axes) {
          return x.roll(shifts.values, axes ? axes->values : std::vector<int64_t>());
        },
        "(roll x shifts [axes]): moved along these axes, what leaves at an end enters at the "
        "other"),
    Op<"torch/repeat">([](const Tensor& x, const Axes& counts) { return x.repeat(counts.values); },
                       "(repeat x counts): as many copies along each axis"),
    Op<"torch/repeat-interleave">(
        [](const Tensor& x, int64_t count, std::optional<Axis> axis) {
          return axis ? x.repeat_interleave(count, axis->value) : x.repeat_interleave(count);
        },
        "(repeat-interleave x n [axis]): each element, or part of an axis, n times in a row"),
    Op<"torch/expand">([](const Tensor& x, const Shape& shape) { return x.expand(shape.sizes); },
                       "(expand x shape): with axes of size 1 repeated; -1 keeps a size"),
    Op<"torch/permute">([](const Tensor& x, const Axes& axes) { return x.permute(axes.values); },
                        "(permute x axes): with its axes in this order"),
    Op<"torch/flatten">(
        [](const Tensor& x, std::optional<Axis> first, std::optional<Axis> last) {
          return x.flatten(first ? first->value : 0, last ? last->value : -1);
        },
        "(tflatten x [first [last]]): with these axes, or all, made one"),
    Op<"torch/pad">(
        [](const Tensor& x, const Shape& sizes, const std::optional<Value>& mode,
           std::optional<double> value) { return Pad(x, sizes.sizes, mode, value); },
        "(pad x sizes ['mode [value]]): sizes before and after each axis, from the last one on; "
        "'constant, 'reflect, 'replicate or 'circular"),
    Op<"torch/interpolate">(
        [](const Tensor& x, const Shape& size, const std::optional<Value>& mode,
           std::optional<bool> align_corners) {
          return Interpolate(x, size.sizes, mode, align_corners.value_or(false));
        },
        "(interpolate x size ['mode [align-corners]]): batches of images or signals in another "
        "size; 'nearest, 'linear, 'bilinear, 'bicubic or 'area"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
