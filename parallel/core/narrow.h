// Numbers of a gradient on their way between ranks: as bfloat16, which is a float32 with 8 instead
// of 24 significant bits, rounded to nearest, ties to even.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>

#include "parallel/core/dtype.h"

namespace eta::parallel {

// Whether numbers of this type get smaller.
constexpr bool IsNarrowed(DType dtype) {
  return dtype == DType::kFloat64 || dtype == DType::kFloat32;
}

// Makes the numbers what they are after they have travelled. REQUIRES: IsNarrowed(dtype).
void RoundToNarrow(DType dtype, std::byte* numbers, size_t count);

}  // namespace eta::parallel
