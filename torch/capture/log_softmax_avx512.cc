// Compiled for processors with AVX512.
#define CPU_CAPABILITY AVX512
#define CPU_CAPABILITY_AVX512
#define ETA_LOG_SOFTMAX LogSoftmaxAvx512
#define ETA_LOG_SOFTMAX_BACKWARD LogSoftmaxBackwardAvx512
#include "torch/capture/log_softmax_backward_rows.inc"
#include "torch/capture/log_softmax_rows.inc"
