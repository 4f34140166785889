// Products of matrices by the BLAS that libtorch uses.
#pragma once

#include <cstdint>

namespace eta::tensor {

template <class T>
struct BlasOperand {
  const T* data;
  char form;  // 'n' by rows, 't' by columns
  int step;   // elements from one row or column to the next
};

struct ProductSize {
  int rows, columns, inner;
};

// out = a b + beta out, where out lies by rows without gaps. With a beta of 0 it is not read.
void Multiply(const BlasOperand<float>& a, const BlasOperand<float>& b, float beta, float* out,
              ProductSize size);
void Multiply(const BlasOperand<double>& a, const BlasOperand<double>& b, double beta, double* out,
              ProductSize size);

}  // namespace eta::tensor
