// Which part of a buffer a rank owns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace eta::parallel {

struct Slice {
  size_t begin = 0;
  size_t end = 0;
  size_t count() const { return end - begin; }
};

// Contiguous slices in rank order, equal to within one granule of 64 bytes, so that two ranks never
// write to one cache line of an aligned buffer. The last ones may be empty.
inline Slice OwnedSlice(size_t count, size_t element_size, int rank, int size) {
  const size_t granule = 64 / element_size;
  const size_t granules = (count + granule - 1) / granule;
  const auto border = [&](int r) { return std::min(granules * r / size * granule, count); };
  return {border(rank), border(rank + 1)};
}

// Where no more ranks than there are slices own them all, neighbours together: the number of the
// owner's first slice. Those of owner `owners` would come after the last.
inline int FirstSlice(int owner, int owners, int slices) {
  return (owner * slices + owners - 1) / owners;
}

// All slices of that owner.
inline Slice OwnedSlices(size_t count, size_t element_size, int owner, int owners, int slices) {
  const int first = FirstSlice(owner, owners, slices), end = FirstSlice(owner + 1, owners, slices);
  return {OwnedSlice(count, element_size, first, slices).begin,
          OwnedSlice(count, element_size, end - 1, slices).end};
}

// Part `rank` of a sequence of parts.
inline Slice PartOf(std::span<const size_t> counts, int rank) {
  size_t begin = 0;
  for (int r = 0; r < rank; ++r) begin += counts[r];
  return {begin, begin + counts[rank]};
}

}  // namespace eta::parallel
