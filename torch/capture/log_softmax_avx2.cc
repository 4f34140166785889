// Compiled for processors with AVX2.
#define CPU_CAPABILITY AVX2
#define CPU_CAPABILITY_AVX2
#include "torch/capture/log_softmax.h"
#include "torch/capture/log_softmax_rows.inc"

namespace eta::tensor {

void LogSoftmaxAvx2(const float* x, float* y, int64_t rows, int64_t columns) {
  LogSoftmaxRows(x, y, rows, columns);
}
void LogSoftmaxAvx2(const double* x, double* y, int64_t rows, int64_t columns) {
  LogSoftmaxRows(x, y, rows, columns);
}

}  // namespace eta::tensor
