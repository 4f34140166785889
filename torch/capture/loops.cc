#include "torch/capture/loops.h"

// Compiled for plain x86-64 and for AVX2 machines, chosen when the program starts. Sanitizers
// cannot run code that early.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ETA_VECTORIZED __attribute__((optimize("O3"), target_clones("arch=x86-64-v3", "default")))
#else
#define ETA_VECTORIZED __attribute__((optimize("O3")))
#endif

namespace eta::tensor {
namespace {

template <class T>
inline __attribute__((always_inline)) void Add(T* __restrict sum, const T* __restrict addend,
                                               int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] += addend[i];
}

template <class T>
inline __attribute__((always_inline)) void Positive(const T* __restrict x, T* __restrict y,
                                                    int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = T{0} > x[i] ? T{0} : x[i];
}

template <class T>
inline __attribute__((always_inline)) void WherePositive(const T* __restrict gradient,
                                                         const T* __restrict x, T* __restrict out,
                                                         int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = x[i] <= T{0} ? T{0} : gradient[i];
}

}  // namespace

ETA_VECTORIZED void AddTo(float* sum, const float* addend, int64_t count) {
  Add(sum, addend, count);
}
ETA_VECTORIZED void AddTo(double* sum, const double* addend, int64_t count) {
  Add(sum, addend, count);
}
ETA_VECTORIZED void Relu(const float* x, float* y, int64_t count) { Positive(x, y, count); }
ETA_VECTORIZED void Relu(const double* x, double* y, int64_t count) { Positive(x, y, count); }
ETA_VECTORIZED void ReluBackward(const float* gradient, const float* x, float* out, int64_t count) {
  WherePositive(gradient, x, out, count);
}
ETA_VECTORIZED void ReluBackward(const double* gradient, const double* x, double* out,
                                 int64_t count) {
  WherePositive(gradient, x, out, count);
}

ETA_VECTORIZED void Differs(const int64_t* x, int64_t other, bool* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] != other;
}
ETA_VECTORIZED int64_t CountTrue(const bool* x, int64_t count) {
  int64_t found = 0;
  for (int64_t i = 0; i < count; ++i) found += x[i];
  return found;
}

}  // namespace eta::tensor
