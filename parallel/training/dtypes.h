// Between libtorch's dtypes and buffers and those of the communicators.
#pragma once

#include <ATen/core/Tensor.h>

#include "parallel/core/buffer.h"

namespace eta::parallel {

// Throws c10::Error if tensors of this dtype do not travel between ranks.
DType DTypeOf(at::ScalarType type);
at::ScalarType ScalarTypeOf(DType dtype);

// The elements of `tensor`. Throws c10::Error as DTypeOf, and if it is not on the CPU. REQUIRES: it
// is contiguous. Valid as long as the tensor's storage is.
Buffer BufferOf(const at::Tensor& tensor);

}  // namespace eta::parallel
