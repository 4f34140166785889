#include "torch/capture/log_softmax.h"

#include <ATen/Version.h>

#include <string>

namespace eta::tensor {
namespace {

// The one for the vectors that libtorch uses on this machine.
template <class Kernel>
Kernel Choose(Kernel avx2, Kernel avx512) {
  static const std::string vectors = at::get_cpu_capability();
  return vectors == "AVX512" ? avx512 : vectors == "AVX2" ? avx2 : nullptr;
}

}  // namespace

template <class T>
RowKernel<T> FindLogSoftmax() {
  return Choose<RowKernel<T>>(LogSoftmaxAvx2, LogSoftmaxAvx512);
}

template <class T>
RowGradientKernel<T> FindLogSoftmaxBackward() {
  return Choose<RowGradientKernel<T>>(LogSoftmaxBackwardAvx2, LogSoftmaxBackwardAvx512);
}

template RowKernel<float> FindLogSoftmax<float>();
template RowKernel<double> FindLogSoftmax<double>();
template RowGradientKernel<float> FindLogSoftmaxBackward<float>();
template RowGradientKernel<double> FindLogSoftmaxBackward<double>();

}  // namespace eta::tensor
