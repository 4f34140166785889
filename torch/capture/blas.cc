#include "torch/capture/blas.h"

extern "C" {
void sgemm_(const char* a_form, const char* b_form, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* a_step, const float* b,
            const int* b_step, const float* beta, float* c, const int* c_step);
void dgemm_(const char* a_form, const char* b_form, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* a_step, const double* b,
            const int* b_step, const double* beta, double* c, const int* c_step);
}

namespace eta::tensor {

// The BLAS has columns first: it computes the transpose, b^T a^T.
void Multiply(const BlasOperand<float>& a, const BlasOperand<float>& b, float beta, float* out,
              ProductSize size) {
  const float one = 1;
  sgemm_(&b.form, &a.form, &size.columns, &size.rows, &size.inner, &one, b.data, &b.step, a.data,
         &a.step, &beta, out, &size.columns);
}

void Multiply(const BlasOperand<double>& a, const BlasOperand<double>& b, double beta, double* out,
              ProductSize size) {
  const double one = 1;
  dgemm_(&b.form, &a.form, &size.columns, &size.rows, &size.inner, &one, b.data, &b.step, a.data,
         &a.step, &beta, out, &size.columns);
}

}  // namespace eta::tensor
