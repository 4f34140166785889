// Compiled for processors with AVX512.
#define CPU_CAPABILITY AVX512
#define CPU_CAPABILITY_AVX512
#include "torch/capture/log_softmax.h"
#include "torch/capture/log_softmax_rows.inc"

namespace eta::tensor {

void LogSoftmaxAvx512(const float* x, float* y, int64_t rows, int64_t columns) {
  LogSoftmaxRows(x, y, rows, columns);
}
void LogSoftmaxAvx512(const double* x, double* y, int64_t rows, int64_t columns) {
  LogSoftmaxRows(x, y, rows, columns);
}

}  // namespace eta::tensor
