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

// How a number joins those before it, and how the first one begins.
template <class Op>
struct Plain {
  template <class Sum>
  Sum Weight(size_t) const {
    return 1;
  }
  template <class Sum>
  Sum First(Sum x, Sum) const {
    return x;
  }
  template <class Sum>
  Sum operator()(Sum before, Sum x, Sum) const {
    return Op()(before, x);
  }
};
struct Weighted {
  std::span<const double> weights;

  template <class Sum>
  Sum Weight(size_t input) const {
    return static_cast<Sum>(weights[input]);
  }
  template <class Sum>
  Sum First(Sum x, Sum weight) const {
    return Sum{0} + weight * x;
  }
  template <class Sum>
  Sum operator()(Sum before, Sum x, Sum weight) const {
    return before + weight * x;
  }
};

// So many inputs are read at once: more often than that the sums need not go to memory and back.
constexpr size_t kTogether = 4;

// Of the inputs from `from` on. `sums` may be one of them.
template <size_t kInputs, bool kFirst, class T, class Fold, class Sum>
[[gnu::always_inline]] inline void Accumulate(const Fold& fold,
                                              std::span<const std::byte* const> inputs, size_t from,
                                              size_t count, Sum* sums) {
  const T* x[kInputs];
  Sum weight[kInputs];
  for (size_t r = 0; r < kInputs; ++r) {
    x[r] = reinterpret_cast<const T*>(inputs[from + r]);
    weight[r] = fold.template Weight<Sum>(from + r);
  }
#pragma GCC ivdep
  for (size_t i = 0; i < count; ++i) {
    const Sum first = Through<T>::Load(x[0][i]);
    Sum sum = kFirst ? fold.First(first, weight[0]) : fold(sums[i], first, weight[0]);
    for (size_t r = 1; r < kInputs; ++r) sum = fold(sum, Through<T>::Load(x[r][i]), weight[r]);
    sums[i] = sum;
  }
}

template <class T, class Fold, class Sum>
[[gnu::always_inline]] inline void AccumulateAll(const Fold& fold,
                                                 std::span<const std::byte* const> inputs,
                                                 size_t count, Sum* sums) {
  switch (inputs.size()) {
    case 1:
      return Accumulate<1, true, T>(fold, inputs, 0, count, sums);
    case 2:
      return Accumulate<2, true, T>(fold, inputs, 0, count, sums);
    case 3:
      return Accumulate<3, true, T>(fold, inputs, 0, count, sums);
    default:
      Accumulate<kTogether, true, T>(fold, inputs, 0, count, sums);
  }
  size_t from = kTogether;
  for (; from + kTogether <= inputs.size(); from += kTogether) {
    Accumulate<kTogether, false, T>(fold, inputs, from, count, sums);
  }
  for (; from < inputs.size(); ++from) Accumulate<1, false, T>(fold, inputs, from, count, sums);
}

// Sums of half types are rounded once, and `out` may be an input that is read later.
template <class T, class Fold>
[[gnu::always_inline]] inline void Run(const Fold& fold, std::span<const std::byte* const> inputs,
                                       size_t count, std::byte* out_bytes, bool mean = false) {
  using Sum = typename Through<T>::Sum;
  T* const out = reinterpret_cast<T*>(out_bytes);
  Sum block[kReduceBlockBytes / sizeof(T)];
  Sum* sums = block;
  if constexpr (std::is_same_v<Sum, T>) {
    if (inputs.size() <= kTogether) sums = out;
  }
  AccumulateAll<T>(fold, inputs, count, sums);
  if (mean) {
    const Sum divisor = static_cast<Sum>(inputs.size());
    for (size_t i = 0; i < count; ++i) sums[i] /= divisor;
  }
  if (static_cast<void*>(sums) == out) return;
  for (size_t i = 0; i < count; ++i) out[i] = Through<T>::Store(sums[i]);
}

template <class T>
[[gnu::always_inline]] inline void RunOp(ReduceOp op, std::span<const std::byte* const> inputs,
                                         size_t count, std::byte* out) {
  switch (op) {
    case ReduceOp::kSum:
      return Run<T>(Plain<Add>(), inputs, count, out);
    case ReduceOp::kMean:
      return Run<T>(Plain<Add>(), inputs, count, out, /*mean=*/true);
    case ReduceOp::kMax:
      return Run<T>(Plain<Max>(), inputs, count, out);
    case ReduceOp::kMin:
      return Run<T>(Plain<Min>(), inputs, count, out);
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
      return Run<double>(Weighted{weights}, inputs, count, out);
    case DType::kFloat32:
      return Run<float>(Weighted{weights}, inputs, count, out);
    case DType::kFloat16:
      return Run<Float16>(Weighted{weights}, inputs, count, out);
    case DType::kBFloat16:
      return Run<BFloat16>(Weighted{weights}, inputs, count, out);
    default:
      ETA_CHECK(false);
  }
}

}  // namespace eta::parallel
