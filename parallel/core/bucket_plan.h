// PlanBuckets: which tensors travel together in one collective. A pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/dtype.h"

namespace eta::parallel {

struct Bucket {
  DType dtype;
  std::vector<size_t> items;    // tensors, in the order in which they were given
  std::vector<size_t> offsets;  // of each item in the bucket, in elements
  size_t count = 0;             // elements in all

  size_t bytes() const { return count * SizeOf(dtype); }
};

struct Plan {
  std::vector<Bucket> buckets;    // in launch order: as they fill if tensors come in `order`
  std::vector<size_t> bucket_of;  // of each tensor
};

// Packs tensors (`counts` elements of `dtypes`) in the sequence `order`, one dtype per bucket, at
// most `cap_bytes` each; a larger tensor gets a bucket to itself, a cap of 0 gives each its own.
// REQUIRES: counts and dtypes have equal sizes, and order is a permutation of their indices.
Plan PlanBuckets(std::span<const size_t> counts, std::span<const DType> dtypes,
                 std::span<const size_t> order, size_t cap_bytes);

}  // namespace eta::parallel
