// Tensor data as the language writes it: a number, or a list of numbers or of such lists, all of
// the same shape.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include <string>
#include <vector>

#include "base/expected.h"
#include "vm/object.h"

namespace eta::tensor {

struct NestedData {
  std::vector<int64_t> sizes;  // empty: a single number
  std::vector<Value> numbers;  // row-major; inline integers, heap integers and floats
};

// The error names the position of what does not fit: "not a number at (1 0)".
Expected<NestedData, std::string> ReadNestedData(Value data);

// A tensor of this data. Integers stay exact in integer dtypes; for those a fraction is an error.
Expected<at::Tensor, std::string> MakeTensor(const NestedData& data,
                                             const at::TensorOptions& options);

}  // namespace eta::tensor
