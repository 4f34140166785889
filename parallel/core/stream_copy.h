// A copy that leaves the caches alone.
#pragma once

#include <cstddef>

namespace eta::parallel {

// Copies so large that what they write is out of the caches before it is read are better streamed.
inline constexpr size_t kStreamBytes = 16 << 20;

// As memcpy, but memory is written without being read into a cache first. Other threads see what
// was written as usual, after whatever synchronizes them with this one.
void StreamCopy(std::byte* to, const std::byte* from, size_t bytes);

}  // namespace eta::parallel
