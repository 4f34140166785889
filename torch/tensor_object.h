// Tensors as values of the language. The foreign object owns one at::Tensor handle; several values
// may share one tensor's storage, or be handles of the same tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include "vm/vm.h"

namespace eta::tensor {

using at::Tensor;

// Printed #<tensor>, equal by identity; sent to another isolate as a detached copy.
extern const ForeignType kTensorType;

// A new value that holds `tensor`. REQUIRES: it is defined.
Value WrapTensor(Vm& vm, Tensor tensor);

// The tensor in `v`, or null if it is not one. Valid as long as `v` is reachable.
inline const Tensor* TensorIn(Value v) {
  return static_cast<const Tensor*>(ForeignData(v, &kTensorType));
}

}  // namespace eta::tensor
