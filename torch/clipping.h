// Clipping: limits on gradients on their way into an update. The gradients themselves stay as they
// are: what a program reads is what the backward pass gave.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>

#include "torch/update_rule.h"

namespace eta::tensor {

// What an optimizer was asked for.
struct Clipping {
  static constexpr double kNone = std::numeric_limits<double>::infinity();
  double norm = kNone;   // of all gradients of the optimizer together
  double value = kNone;  // of each element

  bool by_norm() const { return norm != kNone; }
};

// What that comes to in one update.
struct GradientLimits {
  double scale = 1;  // every gradient is multiplied with it
  double value = Clipping::kNone;

  bool any() const { return scale != 1 || value != Clipping::kNone; }
};

// For gradients whose squares add up to `squares`, and which are `factor` times too large. As
// PyTorch's clip_grad_norm_.
GradientLimits LimitsFor(const Clipping& clipping, double squares, double factor = 1);

// The sum of the squares of elements [begin, begin + count) of a 1-D tensor.
double SumOfSquares(const Tensor& gradient, int64_t begin, int64_t count);

// Applies the rule, with limited gradients, to elements [begin, begin + count). In float32 and
// float64 on the CPU any partition of the elements gives the same bits.
void UpdateWithin(const GradientLimits& limits, const UpdateRule& rule,
                  const UpdateTensors& tensors, int64_t begin, int64_t count,
                  const UpdateStep& step);

}  // namespace eta::tensor
