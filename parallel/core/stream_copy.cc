#include "parallel/core/stream_copy.h"

#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace eta::parallel {

#ifdef __SSE2__

void StreamCopy(std::byte* to, const std::byte* from, size_t bytes) {
  constexpr size_t kVector = sizeof(__m128i);
  if (reinterpret_cast<uintptr_t>(to) % kVector != 0) {
    std::memcpy(to, from, bytes);
    return;
  }
  const size_t streamed = bytes / kVector * kVector;
  for (size_t at = 0; at < streamed; at += kVector) {
    const auto vector = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), vector);
  }
  std::memcpy(to + streamed, from + streamed, bytes - streamed);
  _mm_sfence();  // streamed stores keep no order by themselves
}

#else

void StreamCopy(std::byte* to, const std::byte* from, size_t bytes) {
  std::memcpy(to, from, bytes);
}

#endif

}  // namespace eta::parallel
