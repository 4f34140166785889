#include "torch/capture/step_key.h"

#include <algorithm>

namespace eta::tensor {

TensorForm::TensorForm(const Tensor& tensor)
    : sizes_(tensor.sizes().vec()),
      strides_(tensor.strides().vec()),
      dtype_(tensor.scalar_type()) {}

bool TensorForm::Fits(const Tensor& tensor) const {
  return tensor.sizes() == sizes_ && tensor.strides() == strides_ && tensor.scalar_type() == dtype_;
}

StepKey::StepKey(const Optimizer& optimizer, const StepBatch& batch)
    : loss_(batch.loss), input_(batch.input), target_(batch.target) {
  (void)optimizer.module()->AllOf([&](const Module& module) {
    training_.push_back(module.training());
    return true;
  });
  for (const NamedParameter& parameter : optimizer.parameters()) {
    trained_.push_back(parameter.tensor.requires_grad());
  }
}

bool StepKey::Fits(const Optimizer& optimizer, const StepBatch& batch) const {
  if (batch.loss != loss_ || !input_.Fits(batch.input) || !target_.Fits(batch.target)) return false;
  auto mode = training_.begin();
  const bool same_modes = optimizer.module()->AllOf(
      [&](const Module& module) { return module.training() == static_cast<bool>(*mode++); });
  return same_modes &&
         std::equal(trained_.begin(), trained_.end(), optimizer.parameters().begin(),
                    [](uint8_t trained, const NamedParameter& parameter) {
                      return parameter.tensor.requires_grad() == static_cast<bool>(trained);
                    });
}

}  // namespace eta::tensor
