// Products of matrices by the BLAS that libtorch uses, called as libtorch calls it.
#pragma once

#include "torch/capture/direct_call.h"

namespace eta::tensor {

// out = a b + bias, where `bias` is undefined or a row that is added to each. Empty: the operands
// do not lie as the BLAS wants them, or hold numbers of other types than float32 and float64.
DirectCall FindProduct(const Tensor& a, const Tensor& b, const Tensor& bias, const Tensor& out);

}  // namespace eta::tensor
