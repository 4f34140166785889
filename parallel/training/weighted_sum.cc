#include "parallel/training/weighted_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

namespace eta::parallel {

// From zero on, which makes a sum of negative zeros a positive one everywhere.
at::Tensor WeightedSum(std::span<const at::Tensor> addends, std::span<const double> weights,
                       at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor sum = at::zeros(addends[0].sizes(), addends[0].options().dtype(wide));
  for (size_t i = 0; i < addends.size(); ++i) sum.add_(addends[i].to(wide).mul(weights[i]));
  return sum.to(type);
}

}  // namespace eta::parallel
