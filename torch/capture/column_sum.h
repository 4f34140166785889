// The sum over the rows of a matrix, with the bits of libtorch's kernel, which takes half a
// microsecond to start.
#pragma once

#include <cstdint>

namespace eta::tensor {

// sum[j] = x[0][j] + x[1][j] + ..., where x lies by rows without gaps, in the order of aten::sum:
// the cascade of ATen/native/cpu/SumKernel.cpp. REQUIRES: at least 2 columns.
void SumColumns(const float* x, int64_t rows, int64_t columns, float* sum);
void SumColumns(const double* x, int64_t rows, int64_t columns, double* sum);

}  // namespace eta::tensor
