#include "torch/data/dataset.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>

#include "torch/transfer.h"

namespace eta::tensor {
namespace {

std::string ShapeText(const Tensor& tensor) {
  std::string text = "(";
  for (int64_t size : tensor.sizes()) {
    if (text.size() > 1) text += ' ';
    text += std::to_string(size);
  }
  return text + ")";
}

// In host memory rows are copied one by one: for short rows this is several times as fast as
// index_select, which also needs the numbers in a tensor.
Tensor CopyRows(const Tensor& tensor, std::span<const int64_t> rows) {
  std::vector<int64_t> sizes = tensor.sizes().vec();
  sizes[0] = static_cast<int64_t>(rows.size());
  Tensor taken = at::empty(sizes, tensor.options());
  if (tensor.numel() == 0 || rows.empty()) return taken;
  const size_t row_bytes = tensor.nbytes() / tensor.size(0);
  const char* from = static_cast<const char*>(tensor.const_data_ptr());
  char* to = static_cast<char*>(taken.mutable_data_ptr());
  for (int64_t row : rows) {
    std::memcpy(to, from + row * row_bytes, row_bytes);
    to += row_bytes;
  }
  return taken;
}

Tensor SelectRows(const Tensor& tensor, std::span<const int64_t> rows) {
  if (tensor.is_cpu()) return CopyRows(tensor, rows);
  const Tensor numbers = at::from_blob(const_cast<int64_t*>(rows.data()),
                                       {static_cast<int64_t>(rows.size())}, at::kLong);
  return tensor.index_select(0, numbers.to(tensor.device()));
}

}  // namespace

Expected<Dataset, std::string> MakeDataset(const Tensor& inputs, const Tensor& targets) {
  if (inputs.dim() == 0 || targets.dim() == 0 || inputs.size(0) != targets.size(0)) {
    return Unexpected("inputs and targets must have as many rows, got shapes " + ShapeText(inputs) +
                      " and " + ShapeText(targets));
  }
  return Dataset{inputs.detach().contiguous(), targets.detach().contiguous()};
}

Dataset TakeRows(const Dataset& dataset, std::span<const int64_t> rows) {
  return {SelectRows(dataset.inputs, rows), SelectRows(dataset.targets, rows)};
}

Dataset ShareDataset(Transfer& transfer, const Dataset& original) {
  return {ShareTensor(transfer, original.inputs), ShareTensor(transfer, original.targets)};
}

namespace {

constexpr ForeignTransfer kTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      return Guarded(transfer, "a dataset", [&] {
        return new Dataset(ShareDataset(transfer, *static_cast<const Dataset*>(data)));
      });
    },
};

}  // namespace

const ForeignType kDatasetType = {
    .name = "dataset",
    .finalize = [](void* data) { delete static_cast<Dataset*>(data); },
    .print =
        [](Vm&, void* data, PrintMode, std::string* out) {
          *out += "#<dataset " + std::to_string(static_cast<Dataset*>(data)->rows()) + ">";
        },
    .transfer = &kTransfer,
};

Value WrapDataset(Vm& vm, Dataset dataset) {
  return vm.heap().Foreign(&kDatasetType, new Dataset(std::move(dataset)));
}

}  // namespace eta::tensor
