// The rows of tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace eta::parallel {

// The rank's own rows (base/own_rows.h) of `tensor`, a view along axis 0. Throws c10::Error if it
// has no axes.
at::Tensor Shard(const at::Tensor& tensor, int rank, int size, int blocks = 1);

// Along axis 0; a tensor without axes is one row.
inline int64_t RowsOf(const at::Tensor& tensor) { return tensor.dim() == 0 ? 1 : tensor.size(0); }

}  // namespace eta::parallel
