#include "parallel/core/narrow.h"

#include "base/check.h"

namespace eta::parallel {
namespace {

// Calls f with a pointer to the numbers as what they are.
template <class Bytes, class F>
void As(DType dtype, Bytes* numbers, const F& f) {
  ETA_DCHECK(IsNarrowed(dtype));
  if (dtype == DType::kFloat64) return f(reinterpret_cast<double*>(numbers));
  f(reinterpret_cast<float*>(numbers));
}

}  // namespace

void Narrow(DType dtype, const std::byte* numbers, size_t count, BFloat16* narrow) {
  As(dtype, const_cast<std::byte*>(numbers), [&](const auto* x) {
    for (size_t i = 0; i < count; ++i) narrow[i] = ToBFloat16(static_cast<float>(x[i]));
  });
}

void Widen(DType dtype, const BFloat16* narrow, size_t count, std::byte* numbers) {
  As(dtype, numbers, [&](auto* x) {
    for (size_t i = 0; i < count; ++i) x[i] = ToFloat(narrow[i]);
  });
}

void RoundToNarrow(DType dtype, std::byte* numbers, size_t count) {
  As(dtype, numbers, [&](auto* x) {
    for (size_t i = 0; i < count; ++i) x[i] = ToFloat(ToBFloat16(static_cast<float>(x[i])));
  });
}

}  // namespace eta::parallel
