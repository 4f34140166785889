// StepKey: what decides which operations a training step runs. Steps of one optimizer, of a model
// whose structure is fixed, with equal keys run the same ones.
#pragma once

#include <cstdint>
#include <vector>

#include "torch/optimizer.h"
#include "vm/native.h"

namespace eta::tensor {

// What a training step is given besides the model and the optimizer.
struct StepBatch {
  const NativeDef* loss;  // one that FindLoss knows
  Tensor input, target;
};

// A tensor but for its values and where it lies.
class TensorForm {
 public:
  explicit TensorForm(const Tensor& tensor);
  bool Fits(const Tensor& tensor) const;
  const std::vector<int64_t>& sizes() const { return sizes_; }

 private:
  std::vector<int64_t> sizes_, strides_;
  at::ScalarType dtype_;
};

// Sizes, strides and dtypes of the batch, the loss, the mode of each module, which parameters are
// trained.
class StepKey {
 public:
  StepKey(const Optimizer& optimizer, const StepBatch& batch);
  // Allocates nothing.
  bool Fits(const Optimizer& optimizer, const StepBatch& batch) const;
  const TensorForm& input() const { return input_; }
  const TensorForm& target() const { return target_; }

 private:
  const NativeDef* loss_;
  TensorForm input_, target_;
  std::vector<uint8_t> training_;  // by module, from the root in depth
  std::vector<uint8_t> trained_;   // by parameter
};

}  // namespace eta::tensor
