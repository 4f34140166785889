// How large buckets are best cut depends on what is between the ranks, so they time it.
//
// An all-reduce takes some time however little it moves, and more for each byte. Buckets so large
// that the former is a small part of the whole are large enough; larger ones leave later.
#pragma once

#include <cstddef>

#include "parallel/core/world.h"

namespace eta::parallel {

// How long all-reduces of so many bytes take.
struct LinkTimes {
  static constexpr size_t kSmallBytes = size_t{64} << 10, kLargeBytes = size_t{4} << 20;
  double small_s = 0, large_s = 0;
};

inline constexpr size_t kLeastBucketCap = size_t{1} << 20, kMostBucketCap = size_t{64} << 20;

// The least power of two between these at which the time that does not depend on the size is at
// most a tenth of the time that does. Steps of two, so that ranks in two runs seldom differ.
size_t BucketCapFor(const LinkTimes& times);

// Times all-reduces over the member's world, and gives the cap that rank 0's figures lead to; the
// same on all ranks, which all call it. It takes eight all-reduces, half of each size. `memory` is
// written: at least kLargeBytes, of a floating dtype. Not ok: the world is over.
Result<size_t> ProbeBucketCap(Member& member, const Buffer& memory, Site site);

}  // namespace eta::parallel
