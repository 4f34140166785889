// The logarithm of softmax over the rows of a matrix and its gradient, with the bits of libtorch's
// kernels, which allocate memory each time. They are made of the same vectors, in the same order.
#pragma once

#include <cstdint>

namespace eta::tensor {

// From x to y, which are the same memory or do not overlap, without gaps.
template <class T>
using RowKernel = void (*)(const T* x, T* y, int64_t rows, int64_t columns);

// For float and double. Null: there is none for the vectors that libtorch uses on this machine.
template <class T>
RowKernel<T> FindLogSoftmax();

// A matrix with one number in each row, at most, and zeros else: the gradient that a loss of
// classes gives.
template <class T>
struct RowGradients {
  const int64_t* classes;  // the columns where the numbers are
  int64_t ignored;         // no column: such a row has zeros only
  const T* numbers;        // each to be multiplied by the factor
  int64_t step;            // from one row's to the next one's: 1, or 0 if they share it
  T factor;
};

// From the gradient of y, the logarithm of softmax, to that of its argument, `out`, which does not
// overlap with y. Where libtorch gives a NaN, it is one, perhaps with other bits.
template <class T>
using RowGradientKernel = void (*)(const RowGradients<T>& gradient, const T* y, T* out,
                                   int64_t rows, int64_t columns);

// As above.
template <class T>
RowGradientKernel<T> FindLogSoftmaxBackward();

// For one kind of vectors each.
void LogSoftmaxAvx2(const float* x, float* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx2(const double* x, double* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx512(const float* x, float* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx512(const double* x, double* y, int64_t rows, int64_t columns);
void LogSoftmaxBackwardAvx2(const RowGradients<float>& gradient, const float* y, float* out,
                            int64_t rows, int64_t columns);
void LogSoftmaxBackwardAvx2(const RowGradients<double>& gradient, const double* y, double* out,
                            int64_t rows, int64_t columns);
void LogSoftmaxBackwardAvx512(const RowGradients<float>& gradient, const float* y, float* out,
                              int64_t rows, int64_t columns);
void LogSoftmaxBackwardAvx512(const RowGradients<double>& gradient, const double* y, double* out,
                              int64_t rows, int64_t columns);

}  // namespace eta::tensor
