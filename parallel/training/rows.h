// Which rows of a batch a rank owns: contiguous blocks in rank order, the first `rows mod size`
// ranks have one row more. A rank may own none.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

namespace eta::parallel {

struct RowRange {
  int64_t begin, end;
  int64_t count() const { return end - begin; }
};

constexpr RowRange OwnRows(int64_t rows, int rank, int size) {
  const auto border = [&](int64_t r) { return rows / size * r + std::min(r, rows % size); };
  return {border(rank), border(rank + 1)};
}

// The rank's rows of `tensor`, a view along axis 0. Throws c10::Error if it has no axes.
at::Tensor Shard(const at::Tensor& tensor, int rank, int size);

// Along axis 0; a tensor without axes is one row.
inline int64_t RowsOf(const at::Tensor& tensor) { return tensor.dim() == 0 ? 1 : tensor.size(0); }

}  // namespace eta::parallel
