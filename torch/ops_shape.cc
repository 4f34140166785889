// Shapes: what they are, and other arrangements of the same elements.
#include <ATen/ops/cat.h>
#include <ATen/ops/reshape.h>
#include <ATen/ops/squeeze.h>
#include <ATen/ops/transpose.h>
#include <ATen/ops/unsqueeze.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

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
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
