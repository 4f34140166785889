// The logarithm of softmax over the rows of a matrix, with the bits of libtorch's kernel, which
// allocates memory each time. It is made of the same vectors, in the same order.
#pragma once

#include <cstdint>

namespace eta::tensor {

// From x to y, which are the same memory or do not overlap, without gaps.
template <class T>
using RowKernel = void (*)(const T* x, T* y, int64_t rows, int64_t columns);

// For float and double. Null: there is none for the vectors that libtorch uses on this machine.
template <class T>
RowKernel<T> FindLogSoftmax();

// For one kind of vectors each.
void LogSoftmaxAvx2(const float* x, float* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx2(const double* x, double* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx512(const float* x, float* y, int64_t rows, int64_t columns);
void LogSoftmaxAvx512(const double* x, double* y, int64_t rows, int64_t columns);

}  // namespace eta::tensor
