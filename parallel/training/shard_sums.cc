#include "parallel/training/shard_sums.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <array>

namespace eta::parallel {

using tensor::Optimizer;
using tensor::Tensor;

// Memory that fits is used again.
void ShardSums::Begin(size_t shards, const Optimizer& optimizer) {
  losses_.resize(shards);
  mask_.assign(optimizer.parameters().size(), 0);
  gradients_.resize(optimizer.segments().size());
  for (size_t s = 0; s < gradients_.size(); ++s) {
    const Tensor& like = optimizer.segments()[s].tensors.parameter;
    const std::array<int64_t, 2> sizes = {static_cast<int64_t>(shards), like.numel()};
    Tensor& sums = gradients_[s];
    if (sums.defined() && sums.sizes() == sizes && sums.scalar_type() == like.scalar_type()) {
      sums.zero_();
    } else {
      sums = at::zeros(sizes, like.options().requires_grad(false));
    }
  }
}

void ShardSums::Add(size_t shard, size_t shards, const LocalLoss& loss, const Optimizer& optimizer,
                    const Optimizer::Mask& mask) {
  const at::NoGradGuard no_grad;
  if (losses_.empty()) Begin(shards, optimizer);
  losses_[shard] += loss.sums();
  for (size_t i = 0; i < mask.size(); ++i) mask_[i] |= mask[i];
  for (size_t s = 0; s < gradients_.size(); ++s) {
    const Tensor& gradient = optimizer.segments()[s].tensors.gradient;
    gradients_[s].select(0, static_cast<int64_t>(shard)).add_(gradient);
  }
}

tensor::LossSums ShardSums::Total() const {
  tensor::LossSums total;
  for (const tensor::LossSums& shard : losses_) total += shard;
  return total;
}

void ShardSums::Open(StepMemory* memory) const {
  memory->mask = mask_;
  memory->shards = losses_;
  for (size_t s = 0; s < gradients_.size(); ++s) {
    memory->segments[s].addends = static_cast<const std::byte*>(gradients_[s].const_data_ptr());
  }
}

void ShardSums::ShowMean(const Optimizer& optimizer) const {
  const at::NoGradGuard no_grad;
  const double denominator = Total().denominator;
  if (denominator == 0) return;
  for (size_t s = 0; s < gradients_.size(); ++s) {
    Tensor gradient = optimizer.segments()[s].tensors.gradient;
    if (gradient.defined()) gradient.copy_(gradients_[s].sum(0).div_(denominator));
  }
}

}  // namespace eta::parallel
