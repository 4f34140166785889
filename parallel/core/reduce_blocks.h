// Reductions of any length, in blocks that stay in the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/reduce.h"
#include "parallel/core/slice.h"

namespace eta::parallel {

// Reduces a slice of `inputs`, each of which begins at element 0, block by block to what
// place(position) gives, which may be that of an input, and calls done(position, count) after each.
// `at` is working memory. REQUIRES: as ReduceBlock.
template <class Place, class Done>
void ReduceInBlocks(DType dtype, ReduceOp op, std::span<const std::byte* const> inputs, Slice slice,
                    std::vector<const std::byte*>& at, const Place& place, const Done& done) {
  const size_t element = SizeOf(dtype);
  const size_t block = kReduceBlockBytes / element;
  at.resize(inputs.size());
  for (size_t begin = slice.begin; begin < slice.end; begin += block) {
    const size_t count = std::min(block, slice.end - begin);
    for (size_t i = 0; i < inputs.size(); ++i) at[i] = inputs[i] + begin * element;
    ReduceBlock(dtype, op, at, count, place(begin));
    done(begin, count);
  }
}

// The results follow each other from `out` on.
inline void ReduceInBlocks(DType dtype, ReduceOp op, std::span<const std::byte* const> inputs,
                           Slice slice, std::vector<const std::byte*>& at, std::byte* out) {
  ReduceInBlocks(
      dtype, op, inputs, slice, at,
      [&](size_t begin) { return out + (begin - slice.begin) * SizeOf(dtype); },
      [](size_t, size_t) {});
}

}  // namespace eta::parallel
