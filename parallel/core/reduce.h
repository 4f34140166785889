// The arithmetic of reductions on the CPU, for backends and fused updates.
#pragma once

#include <cstddef>
#include <span>

#include "parallel/core/buffer.h"

namespace eta::parallel {

// Reductions go through blocks of this size, which stay in the first-level cache.
inline constexpr size_t kReduceBlockBytes = 4 * 1024;

// out[i] = (..((x0 + x1) + x2) + ..)[i] for i in [0, count), always in the order of `inputs`, so
// that the result depends on nothing but the values. Half types are accumulated in float and
// rounded once; mean divides by the number of inputs at the end. REQUIRES: CanReduce(dtype, op); at
// least one input; count elements fit in kReduceBlockBytes; out overlaps no input but may be one
// that is read at the same positions.
void ReduceBlock(DType dtype, ReduceOp op, std::span<const std::byte* const> inputs, size_t count,
                 std::byte* out);

// The same for the sum of weights[r] * inputs[r], of floating-point types.
void ReduceWeightedBlock(DType dtype, std::span<const std::byte* const> inputs,
                         std::span<const double> weights, size_t count, std::byte* out);

// Divides each element, of a floating dtype, as a mean does.
void Divide(DType dtype, void* data, size_t count, int divisor);

}  // namespace eta::parallel
