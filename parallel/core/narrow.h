// Numbers of a gradient on their way between ranks: as bfloat16, which is a float32 with 8 instead
// of 24 significant bits, rounded to nearest, ties to even.
//
// Thread safety: pure functions.
#pragma once

#include <cstddef>

#include "parallel/core/dtype.h"
#include "parallel/core/half.h"

namespace eta::parallel {

// Whether numbers of this type get smaller.
constexpr bool IsNarrowed(DType dtype) {
  return dtype == DType::kFloat64 || dtype == DType::kFloat32;
}

// REQUIRES, for all: IsNarrowed(dtype).
void Narrow(DType dtype, const std::byte* numbers, size_t count, BFloat16* narrow);
void Widen(DType dtype, const BFloat16* narrow, size_t count, std::byte* numbers);
// Both one after the other, in place: what a number is after it has travelled.
void RoundToNarrow(DType dtype, std::byte* numbers, size_t count);

}  // namespace eta::parallel
