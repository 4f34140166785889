// Dataset: rows of inputs and the target of each, in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/expected.h"
#include "vm/vm.h"

namespace eta {
class Transfer;
}

namespace eta::tensor {

using at::Tensor;

// Constant after construction; copies share the tensors.
struct Dataset {
  Tensor inputs;   // (rows, ...)
  Tensor targets;  // (rows, ...)

  int64_t rows() const { return inputs.size(0); }
};

// The tensors as a dataset, detached and contiguous. The error says why their axes do not fit.
Expected<Dataset, std::string> MakeDataset(const Tensor& inputs, const Tensor& targets);

// New, contiguous tensors of the given rows, in that order. REQUIRES: each is in [0, rows()).
Dataset TakeRows(const Dataset& dataset, std::span<const int64_t> rows);

// For its way to other Vms: one copy, which all that get it read.
Dataset ShareDataset(Transfer& transfer, const Dataset& original);

// Datasets as values, printed #<dataset ROWS>.
extern const ForeignType kDatasetType;
Value WrapDataset(Vm& vm, Dataset dataset);
// The dataset in `v`, or null if it is not one. Valid as long as `v` is reachable.
inline const Dataset* DatasetIn(Value v) {
  return static_cast<const Dataset*>(ForeignData(v, &kDatasetType));
}

}  // namespace eta::tensor
