// What is not finite in a training step: how it is found and what is said of it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parallel/training/step_memory.h"
#include "torch/arena.h"
#include "torch/optimizer.h"

namespace eta::parallel {

// The tag of the error.
inline constexpr std::string_view kNonfinite = "runtime.nonfinite";

// What is wrong with a mean loss that is not finite. `denominator`: what it was divided by; `rank`:
// whose loss it is, or -1 if nobody's alone.
std::string DescribeNonfiniteLoss(double denominator, int rank);

// The name of the first parameter whose gradient is not finite; empty if all are. REQUIRES:
// optimizer.TakeGradients.
std::string FindNonfiniteGradient(const tensor::Optimizer& optimizer,
                                  const tensor::ArenaRegistry& arenas);

// Where the first sum is that is not finite, in tensors at `place`, whose numbers are those of
// segments. A device is waited for. Throws what libtorch throws.
Nonfinite FindNonfiniteSum(std::span<const at::Tensor> sums, const ExchangePlace& place);

}  // namespace eta::parallel
