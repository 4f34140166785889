// Loops over contiguous memory in place of libtorch's elementwise kernels: they give the same bits,
// as each element takes at most one rounding, and cost less to start.
#pragma once

#include <cstdint>

namespace eta::tensor {

// sum += addend
void AddTo(float* sum, const float* addend, int64_t count);
void AddTo(double* sum, const double* addend, int64_t count);

// y = x + 0, which is x but that it has no -0
void AddZero(const float* x, float* y, int64_t count);
void AddZero(const double* x, double* y, int64_t count);

// y, which may be x, = max(x, 0), where a NaN stays one and -0 is -0
void Relu(const float* x, float* y, int64_t count);
void Relu(const double* x, double* y, int64_t count);

// y += row, in each of so many rows
void AddRow(const float* row, float* y, int64_t rows, int64_t columns);
void AddRow(const double* row, double* y, int64_t rows, int64_t columns);

// The same, and then y = max(y, 0) as above
void AddRowRelu(const float* row, float* y, int64_t rows, int64_t columns);
void AddRowRelu(const double* row, double* y, int64_t rows, int64_t columns);

// out, which may be the gradient, = gradient where x > 0 or NaN, else 0
void ReluBackward(const float* gradient, const float* x, float* out, int64_t count);
void ReluBackward(const double* gradient, const double* x, double* out, int64_t count);

// y = (a - b)^2
void SquaredDifferences(const float* a, const float* b, float* y, int64_t count);
void SquaredDifferences(const double* a, const double* b, double* y, int64_t count);

// So many of them, one after the other, row by row.
struct PooledImages {
  int64_t count, height, width;
};
// y = the largest of each 2 x 2 elements, the first of several, but a NaN if there is one; `where`
// is its place in its image. A last row or column of odd images does not count.
void MaxPool2x2(const float* x, float* y, int64_t* where, PooledImages images);
void MaxPool2x2(const double* x, double* y, int64_t* where, PooledImages images);

// y = whether x is not `other`
void Differs(const int64_t* x, int64_t other, bool* y, int64_t count);
int64_t CountTrue(const bool* x, int64_t count);

}  // namespace eta::tensor
