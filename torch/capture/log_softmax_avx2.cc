// Compiled for processors with AVX2.
#define CPU_CAPABILITY AVX2
#define CPU_CAPABILITY_AVX2
#define ETA_LOG_SOFTMAX LogSoftmaxAvx2
#define ETA_LOG_SOFTMAX_BACKWARD LogSoftmaxBackwardAvx2
#include "torch/capture/log_softmax_backward_rows.inc"
#include "torch/capture/log_softmax_rows.inc"
