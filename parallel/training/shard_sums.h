// ShardSums: the gradients and losses of the shards of a rank's batch, kept apart until all ranks
// add up all shards in their order. Then the sums depend on the shards alone, not on which rank
// computed which: so training gives the same bits on 1, 2, 4 and 8 replicas.
//
// What is kept are sums over a shard's rows, not means. Those of several batches (inside no-sync)
// add up.
#pragma once

#include <vector>

#include "parallel/training/local_step.h"
#include "parallel/training/step_memory.h"
#include "torch/optimizer.h"

namespace eta::parallel {

// Thread safety: the isolate's thread. Functions may throw what libtorch throws.
class ShardSums {
 public:
  // Adds the gradients of the numerator of `loss` to those of one shard of `shards`. REQUIRES:
  // Optimizer::TakeGradients, which gave `mask`.
  void Add(size_t shard, size_t shards, const LocalLoss& loss, const tensor::Optimizer& optimizer,
           const tensor::Optimizer::Mask& mask);
  bool empty() const { return losses_.empty(); }
  // Forgets them.
  void Clear() { losses_.clear(); }

  // Of all shards together.
  tensor::LossSums Total() const;
  // Lets `memory` tell peers of the sums, and which parameters have gradients. REQUIRES: Add.
  void Open(StepMemory* memory) const;
  // Makes the gradients of the optimizer those of the mean over all shards, for programs that look.
  // REQUIRES: Add; they lie in the segments.
  void ShowMean(const tensor::Optimizer& optimizer) const;
  // By segment: (shards, elements).
  const std::vector<tensor::Tensor>& gradients() const { return gradients_; }

 private:
  void Begin(size_t shards, const tensor::Optimizer& optimizer);

  std::vector<tensor::Tensor> gradients_;  // by segment: (shards, elements)
  std::vector<tensor::LossSums> losses_;   // by shard
  tensor::Optimizer::Mask mask_;
};

}  // namespace eta::parallel
