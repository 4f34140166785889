// PlanBuckets: which gradients travel together in one collective. A pure function.
//
// Gradients lie one after the other in segments of flat memory, in the order in which a model has
// its parameters, and become ready in about the reverse order. A bucket is a piece of a segment, or
// some segments with one gradient each, so nothing is copied to send it. The idea of buckets is
// that of PyTorch's DistributedDataParallel (Li and others, "PyTorch Distributed: Experiences on
// Accelerating Data Parallel Training", 2020).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/dtype.h"

namespace eta::parallel {

// Where a gradient, or several, lie: bytes [begin, end) of a segment, which has one dtype.
struct GradientPlace {
  size_t segment = 0;
  size_t begin = 0, end = 0;
  DType dtype = DType::kFloat64;

  size_t bytes() const { return end - begin; }
  friend bool operator==(const GradientPlace&, const GradientPlace&) = default;
};

struct Bucket {
  std::vector<GradientPlace> pieces;  // the last one first; several only if each is a whole segment
  std::vector<size_t> gradients;      // that lie in them, the last one first

  size_t bytes() const;
  friend bool operator==(const Bucket&, const Bucket&) = default;
};

struct BucketSizes {
  // Of the bucket at the end of each segment, or of a row of segments with one gradient each, so
  // that it leaves early.
  size_t first = size_t{1} << 20;
  size_t cap = size_t{8} << 20;  // of the others, if nobody knows better (see bucket_probe.h)
};

// Cuts the segments into buckets, from their ends, of at most these sizes; a larger gradient has
// one to itself. Neighbouring segments of one dtype with one gradient each share buckets. They come
// in launch order, which is the order in which they are complete if gradients become ready in the
// sequence `order`. Together they cover all places. REQUIRES: places of a segment touch, and come
// in the order in which they lie; `order` is a permutation of their indices.
std::vector<Bucket> PlanBuckets(std::span<const GradientPlace> places,
                                std::span<const size_t> order, const BucketSizes& sizes = {});

}  // namespace eta::parallel
