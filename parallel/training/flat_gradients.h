// FlatGradients: the gradients of a model one after the other in flat buffers, one per dtype, while
// the ranks average them.
#pragma once

#include <vector>

#include "parallel/training/step_memory.h"
#include "torch/arena.h"
#include "torch/module.h"
#include "torch/optimizer.h"

namespace eta::parallel {

// Thread safety: the isolate's thread. Functions may throw what libtorch throws.
class FlatGradients {
 public:
  FlatGradients(const tensor::Module& model, const tensor::ArenaRegistry& arenas);

  // The parameters that have a gradient on this rank.
  const tensor::Optimizer::Mask& mask() const { return mask_; }
  bool HasAny() const;
  // The parameters' names, shapes and dtypes.
  std::string Structure() const;

  // Copies the gradients of the parameters in `mask`; zeros where there is none.
  void Gather(const tensor::Optimizer::Mask& mask);
  const std::vector<tensor::Tensor>& buffers() const { return buffers_; }
  // The buffers, which must be on the CPU; valid until the next Gather.
  std::vector<SegmentMemory> Memory() const;
  // The reverse of Gather: the buffers' elements become the gradients of the same parameters.
  void Scatter(const tensor::Optimizer::Mask& mask) const;

  const std::vector<tensor::NamedParameter>& parameters() const { return parameters_; }

 private:
  const tensor::ArenaRegistry& arenas_;
  const std::vector<tensor::NamedParameter> parameters_;
  tensor::Optimizer::Mask mask_;
  std::vector<tensor::Tensor> buffers_;  // by dtype, in the order in which parameters have them
};

}  // namespace eta::parallel
