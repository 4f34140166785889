#include "torch/capture/loops.h"

#include "base/vectorized.h"

namespace eta::tensor {
namespace {

template <class T>
inline __attribute__((always_inline)) void Add(T* __restrict sum, const T* __restrict addend,
                                               int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] += addend[i];
}

// No element depends on another one, also where memory is the same: ivdep.
template <class T>
inline __attribute__((always_inline)) void Positive(const T* x, T* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = T{0} > x[i] ? T{0} : x[i];
}

template <class T>
inline __attribute__((always_inline)) void AddToRows(const T* __restrict row, T* __restrict y,
                                                     int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i, y += columns) Add(y, row, columns);
}

template <class T>
inline __attribute__((always_inline)) void AddToRowsPositive(const T* __restrict row,
                                                             T* __restrict y, int64_t rows,
                                                             int64_t columns) {
  for (int64_t i = 0; i < rows; ++i, y += columns) {
    for (int64_t j = 0; j < columns; ++j) {
      const T sum = y[j] + row[j];
      y[j] = T{0} > sum ? T{0} : sum;
    }
  }
}

template <class T>
inline __attribute__((always_inline)) void WherePositive(const T* gradient, const T* x, T* out,
                                                         int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) out[i] = x[i] <= T{0} ? T{0} : gradient[i];
}

template <class T>
inline __attribute__((always_inline)) void Squares(const T* __restrict a, const T* __restrict b,
                                                   T* __restrict y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = (a[i] - b[i]) * (a[i] - b[i]);
}

// Two rows of an image, which begin at the place `from`.
template <class T>
inline __attribute__((always_inline)) void PoolRows(const T* __restrict x, T* __restrict y,
                                                    int64_t* __restrict where, int64_t from,
                                                    int64_t width) {
  const T* const below = x + width;
  for (int64_t i = 0; i < width / 2; ++i) {
    T best = x[2 * i];
    int64_t place = 2 * i;
    const auto look = [&](T v, int64_t at) {
      const bool better = (v > best) | (v != v);
      best = better ? v : best;
      place = better ? at : place;
    };
    look(x[2 * i + 1], 2 * i + 1);
    look(below[2 * i], width + 2 * i);
    look(below[2 * i + 1], width + 2 * i + 1);
    y[i] = best;
    where[i] = from + place;
  }
}

template <class T>
inline __attribute__((always_inline)) void Pool(const T* x, T* y, int64_t* where,
                                                PooledImages images) {
  const int64_t rows = images.height / 2, columns = images.width / 2;
  for (int64_t image = 0; image < images.count; ++image) {
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t from = 2 * row * images.width;
      PoolRows(x + from, y, where, from, images.width);
      y += columns;
      where += columns;
    }
    x += images.height * images.width;
  }
}

}  // namespace

ETA_VECTORIZED void SquaredDifferences(const float* a, const float* b, float* y, int64_t count) {
  Squares(a, b, y, count);
}
ETA_VECTORIZED void SquaredDifferences(const double* a, const double* b, double* y, int64_t count) {
  Squares(a, b, y, count);
}
ETA_VECTORIZED void MaxPool2x2(const float* x, float* y, int64_t* where, PooledImages images) {
  Pool(x, y, where, images);
}
ETA_VECTORIZED void MaxPool2x2(const double* x, double* y, int64_t* where, PooledImages images) {
  Pool(x, y, where, images);
}

ETA_VECTORIZED void AddZero(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] + 0.0F;
}
ETA_VECTORIZED void AddZero(const double* x, double* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] + 0.0;
}

ETA_VECTORIZED void AddTo(float* sum, const float* addend, int64_t count) {
  Add(sum, addend, count);
}
ETA_VECTORIZED void AddTo(double* sum, const double* addend, int64_t count) {
  Add(sum, addend, count);
}
ETA_VECTORIZED void Relu(const float* x, float* y, int64_t count) { Positive(x, y, count); }
ETA_VECTORIZED void Relu(const double* x, double* y, int64_t count) { Positive(x, y, count); }
ETA_VECTORIZED void AddRow(const float* row, float* y, int64_t rows, int64_t columns) {
  AddToRows(row, y, rows, columns);
}
ETA_VECTORIZED void AddRow(const double* row, double* y, int64_t rows, int64_t columns) {
  AddToRows(row, y, rows, columns);
}
ETA_VECTORIZED void AddRowRelu(const float* row, float* y, int64_t rows, int64_t columns) {
  AddToRowsPositive(row, y, rows, columns);
}
ETA_VECTORIZED void AddRowRelu(const double* row, double* y, int64_t rows, int64_t columns) {
  AddToRowsPositive(row, y, rows, columns);
}
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
