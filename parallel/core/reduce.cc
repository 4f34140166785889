#include "parallel/core/reduce.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "base/vectorized.h"
#include "parallel/core/half.h"

namespace eta::parallel {
namespace {

// The type in which T is accumulated, and the way there and back. Signed integers are added as
// unsigned ones, which wrap around.
template <class T>
struct Through {
  using Sum = T;
  static Sum Load(T x) { return x; }
  static T Store(Sum x) { return x; }
};
template <>
struct Through<Float16> {
  using Sum = float;
  static float Load(Float16 x) { return ToFloat(x); }
  static Float16 Store(float x) { return ToFloat16(x); }
};
template <>
struct Through<BFloat16> {
  using Sum = float;
  static float Load(BFloat16 x) { return ToFloat(x); }
  static BFloat16 Store(float x) { return ToBFloat16(x); }
};

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(static_cast<U>(static_cast<U>(a) + static_cast<U>(b)));
    } else {
      return a + b;
    }
  }
};
// A NaN on either side is the result.
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return (a >= b || a != a) ? a : b;
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return (a <= b || a != a) ? a : b;
  }
};

// f(i) for i in [0, count). The inner loops have a constant length, so that they are vectorised.
template <class F>
[[gnu::always_inline]] inline void ForEach(size_t count, const F& f) {
  constexpr size_t kRun = 64;
  size_t i = 0;
  for (; i + kRun <= count; i += kRun) f(i, std::integral_constant<size_t, kRun>());
  for (; i < count; ++i) f(i, std::integral_constant<size_t, 1>());
}

template <class T, class Fold>
[[gnu::always_inline]] inline void Run(Fold fold, bool mean,
                                       std::span<const std::byte* const> inputs, size_t count,
                                       std::byte* out_bytes) {
  using Sum = typename Through<T>::Sum;
  T* out = reinterpret_cast<T*>(out_bytes);
  const Sum divisor = static_cast<Sum>(inputs.size());
  ForEach(
      count, [&](size_t i, auto run) __attribute__((always_inline)) {
        constexpr size_t kRun = decltype(run)::value;
        Sum sum[kRun];
        const T* first = reinterpret_cast<const T*>(inputs[0]) + i;
        for (size_t j = 0; j < kRun; ++j) sum[j] = Through<T>::Load(first[j]);
        for (size_t r = 1; r < inputs.size(); ++r) {
          const T* next = reinterpret_cast<const T*>(inputs[r]) + i;
          for (size_t j = 0; j < kRun; ++j) sum[j] = fold(sum[j], Through<T>::Load(next[j]));
        }
        if (mean) {
          for (size_t j = 0; j < kRun; ++j) sum[j] /= divisor;
        }
        for (size_t j = 0; j < kRun; ++j) out[i + j] = Through<T>::Store(sum[j]);
      });
}

template <class T>
[[gnu::always_inline]] inline void RunWeighted(std::span<const std::byte* const> inputs,
                                               std::span<const double> weights, size_t count,
                                               std::byte* out_bytes) {
  using Sum = typename Through<T>::Sum;
  T* out = reinterpret_cast<T*>(out_bytes);
  ForEach(
      count, [&](size_t i, auto run) __attribute__((always_inline)) {
        constexpr size_t kRun = decltype(run)::value;
        Sum sum[kRun] = {};
        for (size_t r = 0; r < inputs.size(); ++r) {
          const T* next = reinterpret_cast<const T*>(inputs[r]) + i;
          const auto weight = static_cast<Sum>(weights[r]);
          for (size_t j = 0; j < kRun; ++j) sum[j] += weight * Through<T>::Load(next[j]);
        }
        for (size_t j = 0; j < kRun; ++j) out[i + j] = Through<T>::Store(sum[j]);
      });
}

template <class T>
[[gnu::always_inline]] inline void RunOp(ReduceOp op, std::span<const std::byte* const> inputs,
                                         size_t count, std::byte* out) {
  switch (op) {
    case ReduceOp::kSum:
      return Run<T>(Add(), false, inputs, count, out);
    case ReduceOp::kMean:
      return Run<T>(Add(), true, inputs, count, out);
    case ReduceOp::kMax:
      return Run<T>(Max(), false, inputs, count, out);
    case ReduceOp::kMin:
      return Run<T>(Min(), false, inputs, count, out);
  }
}

template <class T>
void DivideAll(void* data, size_t count, int divisor) {
  using Sum = typename Through<T>::Sum;
  T* const x = static_cast<T*>(data);
  for (size_t i = 0; i < count; ++i) {
    x[i] = Through<T>::Store(Through<T>::Load(x[i]) / static_cast<Sum>(divisor));
  }
}

}  // namespace

void Divide(DType dtype, void* data, size_t count, int divisor) {
  ETA_DCHECK(IsFloating(dtype));
  switch (dtype) {
    case DType::kFloat64:
      return DivideAll<double>(data, count, divisor);
    case DType::kFloat32:
      return DivideAll<float>(data, count, divisor);
    case DType::kFloat16:
      return DivideAll<Float16>(data, count, divisor);
    case DType::kBFloat16:
      return DivideAll<BFloat16>(data, count, divisor);
    default:
      return;
  }
}

ETA_VECTORIZED void ReduceBlock(DType dtype, ReduceOp op, std::span<const std::byte* const> inputs,
                                size_t count, std::byte* out) {
  switch (dtype) {
    case DType::kFloat64:
      return RunOp<double>(op, inputs, count, out);
    case DType::kFloat32:
      return RunOp<float>(op, inputs, count, out);
    case DType::kFloat16:
      return RunOp<Float16>(op, inputs, count, out);
    case DType::kBFloat16:
      return RunOp<BFloat16>(op, inputs, count, out);
    case DType::kInt64:
      return RunOp<int64_t>(op, inputs, count, out);
    case DType::kInt32:
      return RunOp<int32_t>(op, inputs, count, out);
    case DType::kUInt8:
    case DType::kBool:
      return RunOp<uint8_t>(op, inputs, count, out);
  }
}

ETA_VECTORIZED void ReduceWeightedBlock(DType dtype, std::span<const std::byte* const> inputs,
                                        std::span<const double> weights, size_t count,
                                        std::byte* out) {
  switch (dtype) {
    case DType::kFloat64:
      return RunWeighted<double>(inputs, weights, count, out);
    case DType::kFloat32:
      return RunWeighted<float>(inputs, weights, count, out);
    case DType::kFloat16:
      return RunWeighted<Float16>(inputs, weights, count, out);
    case DType::kBFloat16:
      return RunWeighted<BFloat16>(inputs, weights, count, out);
    default:
      ETA_CHECK(false);
  }
}

}  // namespace eta::parallel
