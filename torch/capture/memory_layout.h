// Places in one block of memory for what is needed at different times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eta::tensor {

// Memory that is needed from one step of a list to another, both included.
struct Lifetime {
  size_t first, last;
  int64_t bytes;
  int64_t offset = 0;  // set by LayOut, a multiple of kPlaceAlignment
};

inline constexpr int64_t kPlaceAlignment = 64;  // bytes, as libtorch aligns its memory

// Gives each a place, so that those which are needed at the same time do not overlap: the largest
// first, each at the lowest place that is free; in the best of some orders. Returns the size of the
// whole.
int64_t LayOut(std::span<Lifetime> lifetimes);

// Gives it the lowest place beside those that have one, which are sorted by it, and adds it to
// them; unless it would not end within so many bytes.
bool PlaceWithin(int64_t bytes, Lifetime* wanted, std::vector<Lifetime*>* placed);

}  // namespace eta::tensor
