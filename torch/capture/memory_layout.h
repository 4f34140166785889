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
  int64_t offset = 0;  // set by LayOut, a multiple of its alignment
};

// Bytes, as libtorch aligns the memory of the CPU and that of other devices.
inline constexpr int64_t kHostAlignment = 64;
inline constexpr int64_t kDeviceAlignment = 512;

// Gives each a place, so that those which are needed at the same time do not overlap: the largest
// first, each at the lowest place that is free; in the best of some orders. Returns the size of the
// whole.
int64_t LayOut(std::span<Lifetime> lifetimes, int64_t alignment = kHostAlignment);

// Gives it the lowest place beside those that have one, which are sorted by it, and adds it to
// them; unless it would not end within so many bytes.
bool PlaceWithin(int64_t bytes, Lifetime* wanted, std::vector<Lifetime*>* placed,
                 int64_t alignment = kHostAlignment);

}  // namespace eta::tensor
