#include "torch/capture/log_softmax.h"

#include <ATen/Version.h>

#include <string>

namespace eta::tensor {

template <class T>
RowKernel<T> FindLogSoftmax() {
  static const std::string vectors = at::get_cpu_capability();
  if (vectors == "AVX512") return static_cast<RowKernel<T>>(LogSoftmaxAvx512);
  if (vectors == "AVX2") return static_cast<RowKernel<T>>(LogSoftmaxAvx2);
  return nullptr;
}

template RowKernel<float> FindLogSoftmax<float>();
template RowKernel<double> FindLogSoftmax<double>();

}  // namespace eta::tensor
