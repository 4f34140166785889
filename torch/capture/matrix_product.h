// Products of matrices by the BLAS that libtorch uses, called as libtorch calls it; some together
// with what comes after them.
#pragma once

#include <optional>

#include "torch/capture/direct_call.h"

namespace eta::tensor {

// What becomes of the product a b.
enum class ProductUse {
  kResult,      // it is the result
  kAddedTo,     // it is added to what is there
  kBiased,      // a row, the bias, is added to each of its rows
  kBiasedRelu,  // likewise, and then negative numbers become zeros
};

// Empty: the operands do not lie as the BLAS wants them, or hold numbers of other types than
// float32 and float64. `bias` is undefined if the use has none.
DirectCall FindProduct(ProductUse use, const Tensor& a, const Tensor& b, const Tensor& bias,
                       const Tensor& out);

// What aten::addmm gives goes through aten::relu. None: there is nothing to gain.
std::optional<TraceOp> FuseBiasedRelu(const Trace& trace, const TraceOp& addmm,
                                      const TraceOp& relu);

// What aten::mm gives is added to a tensor by aten::add_. None: adding it up there would round
// otherwise.
std::optional<TraceOp> FuseAddedProduct(const Trace& trace, const TraceOp& mm, const TraceOp& add);

}  // namespace eta::tensor
