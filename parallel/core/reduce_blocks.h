// Reductions of any length, in blocks that stay in the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/reduce.h"
#include "parallel/core/slice.h"

namespace eta::parallel {

// Reduces a slice of `inputs`, each of which begins at element 0, and calls sink(position, results,
// count) for each block of it. `at` is working memory. REQUIRES: as ReduceBlock.
template <class Sink>
void ReduceInBlocks(DType dtype, ReduceOp op, std::span<const std::byte* const> inputs, Slice slice,
                    std::vector<const std::byte*>& at, const Sink& sink) {
  alignas(64) std::byte results[kReduceBlockBytes];
  const size_t element = SizeOf(dtype);
  const size_t block = kReduceBlockBytes / element;
  at.resize(inputs.size());
  for (size_t begin = slice.begin; begin < slice.end; begin += block) {
    const size_t count = std::min(block, slice.end - begin);
    for (size_t i = 0; i < inputs.size(); ++i) at[i] = inputs[i] + begin * element;
    ReduceBlock(dtype, op, at, count, results);
    sink(begin, results, count);
  }
}

}  // namespace eta::parallel
