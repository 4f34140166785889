// The weighted sum of tensors by libtorch's operations, which serve any device, in an order that is
// fixed: it has the bits that ReduceWeightedBlock (core/reduce.h) gives on the CPU.
//
// Thread safety: any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace eta::parallel {

// (..(weights[0] * addends[0] + weights[1] * addends[1]) + ..), of tensors of equal sizes, as
// `type`: added up in that type, half types in float32 and rounded once. Throws what libtorch
// throws. REQUIRES: as many weights as addends, at least one; floating-point types, of which `type`
// holds those of the addends.
at::Tensor WeightedSum(std::span<const at::Tensor> addends, std::span<const double> weights,
                       at::ScalarType type);

}  // namespace eta::parallel
