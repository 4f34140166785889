#include "parallel/core/narrow.h"

#include "base/check.h"
#include "base/vectorized.h"
#include "parallel/core/half.h"

namespace eta::parallel {
namespace {

template <class T>
[[gnu::always_inline]] inline void Round(T* numbers, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    numbers[i] = ToFloat(ToBFloat16(static_cast<float>(numbers[i])));
  }
}

}  // namespace

ETA_VECTORIZED void RoundToNarrow(DType dtype, std::byte* numbers, size_t count) {
  ETA_DCHECK(IsNarrowed(dtype));
  if (dtype == DType::kFloat64) return Round(reinterpret_cast<double*>(numbers), count);
  Round(reinterpret_cast<float*>(numbers), count);
}

}  // namespace eta::parallel
