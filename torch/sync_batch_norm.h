// Batch normalization by the statistics of all rows of a batch, wherever they are: the ranks of a
// world add up theirs in the forward pass, and what flows back through them in the backward pass.
#pragma once

#include <memory>

#include "torch/module.h"

namespace eta::tensor {

// Adds up numbers of all ranks. To be attached to the Vm (as a shared_ptr, under kRankSums) by a
// world of several ranks.
class RankSums {
 public:
  virtual ~RankSums() = default;
  // `numbers`, contiguous on the rank's device, become the sums over all ranks, with the same bits
  // on each. All ranks call it. False: an error has been started in the Vm. Throws c10::Error if
  // they are elsewhere.
  virtual bool Sum(const Tensor& numbers) = 0;
};
inline constexpr const char* kRankSums = "tensor.rank-sums";

// As PyTorch's BatchNorm1d to 3d: channels are axis 1. Alone it normalizes by the batch's own
// statistics, as any other does. Gradients between ranks are exact if the losses of all ranks are
// in the same units: their sum is what is differentiated.
std::shared_ptr<Module> MakeSyncBatchNorm(TensorContext& context, int64_t channels, double momentum,
                                          double epsilon);

}  // namespace eta::tensor
