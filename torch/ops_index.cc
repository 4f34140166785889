// Parts of tensors, and tensors in which a part is replaced: nothing is changed in place.
#include <ATen/ops/_unique2.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/topk.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

using OptionalAxis = std::optional<Axis>;
using OptionalBool = std::optional<bool>;

int64_t LastUnless(const OptionalAxis& axis) { return axis ? axis->value : -1; }

// Takes off one axis for each index.
Tensor At(const Tensor& x, const std::vector<int64_t>& indices) {
  Tensor part = x;
  for (int64_t index : indices) part = part.select(0, index);
  return part;
}

constexpr NativeDef kOps[] = {
    Op<"torch/tref">(
        [](const Tensor& x, const Rest<int64_t>& indices) { return At(x, indices.items); },
        "(tref x index ...): the element or part at these indices of the first axes"),
    Op<"torch/slice">(
        [](const Tensor& x, Axis axis, int64_t start, int64_t end, std::optional<int64_t> step) {
          return x.slice(axis.value, start, end, step.value_or(1));
        },
        "(slice x axis start end [step]): that range of an axis; negative ones count from its end"),
    Op<"torch/index-select">(
        [](const Tensor& x, Axis axis, const Indices& indices) {
          return x.index_select(axis.value, indices.tensor);
        },
        "(index-select x axis indices): the parts at these indices of an axis"),
    Op<"torch/take-rows">(
        [](const Tensor& x, const Indices& rows) { return x.index_select(0, rows.tensor); },
        "(take-rows x indices): the parts at these indices of the first axis"),
    Op<"torch/gather">([](const Tensor& x, Axis axis,
                          const Tensor& indices) { return x.gather(axis.value, indices); },
                       "(gather x axis indices): the elements at these indices along an axis"),
    Op<"torch/masked-select">(
        [](const Tensor& x, const Tensor& mask) { return x.masked_select(mask); },
        "(masked-select x mask): the elements where the mask holds, in one axis"),
    Op<"torch/nonzero">([](const Tensor& x) { return at::nonzero(x); },
                        "(nonzero x): the indices of the elements that are not 0, a row for each"),
    Op<"torch/masked-fill">([](const Tensor& x, const Tensor& mask,
                               const Operand& value) { return x.masked_fill(mask, value.tensor); },
                            "(masked-fill x mask value): x with one value where the mask holds"),
    Op<"torch/index-add">(
        [](const Tensor& x, Axis axis, const Indices& indices, const Tensor& source) {
          return x.index_add(axis.value, indices.tensor, source);
        },
        "(index-add x axis indices source): x with the parts of source added at these indices"),
    Op<"torch/index-copy">(
        [](const Tensor& x, Axis axis, const Indices& indices, const Tensor& source) {
          return x.index_copy(axis.value, indices.tensor, source);
        },
        "(index-copy x axis indices source): x with the parts of source at these indices"),
    Op<"torch/scatter">(
        [](const Tensor& x, Axis axis, const Tensor& indices, const Tensor& source) {
          return x.scatter(axis.value, indices, source);
        },
        "(scatter x axis indices source): x with elements of source at these indices of an axis"),
    Op<"torch/scatter-add">(
        [](const Tensor& x, Axis axis, const Tensor& indices, const Tensor& source) {
          return x.scatter_add(axis.value, indices, source);
        },
        "(scatter-add x axis indices source): x with elements of source added at these indices"),
    Op<"torch/select-scatter">(
        [](const Tensor& x, const Tensor& source, Axis axis, int64_t index) {
          return x.select_scatter(source, axis.value, index);
        },
        "(select-scatter x source axis index): x with source at one index of an axis"),
    Op<"torch/slice-scatter">(
        [](const Tensor& x, const Tensor& source, Axis axis, int64_t start, int64_t end,
           std::optional<int64_t> step) {
          return x.slice_scatter(source, axis.value, start, end, step.value_or(1));
        },
        "(slice-scatter x source axis start end [step]): x with source in a range of an axis"),
    Op<"torch/one-hot">(
        [](const Tensor& x, std::optional<int64_t> classes) {
          return at::one_hot(x, classes.value_or(-1)).to(DefaultDtype::Use());
        },
        "(one-hot x [classes]): a new last axis that is 1 at the index and else 0"),
    Op<"torch/sort">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool descending) {
          return at::sort(x, LastUnless(axis), descending.value_or(false));
        },
        "(tsort x [axis [descending]]): sorted along an axis, the last one; (values indices)"),
    Op<"torch/argsort">(
        [](const Tensor& x, OptionalAxis axis, OptionalBool descending) {
          return at::argsort(x, LastUnless(axis), descending.value_or(false));
        },
        "(argsort x [axis [descending]]): the indices that sort an axis, the last one"),
    Op<"torch/topk">(
        [](const Tensor& x, int64_t k, OptionalAxis axis, OptionalBool largest) {
          return at::topk(x, k, LastUnless(axis), largest.value_or(true));
        },
        "(topk x k [axis [largest]]): the k largest, or smallest, along an axis; (values indices)"),
    Op<"torch/unique">(
        [](const Tensor& x) { return std::get<0>(at::_unique2(x, /*sorted=*/true)); },
        "(unique x): the elements, each once, sorted"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
