#include "torch/capture/step_key.h"

#include <algorithm>

#include "vm/code.h"
#include "vm/heap.h"

namespace eta::tensor {

TensorForm::TensorForm(const Tensor& tensor)
    : sizes_(tensor.sizes().vec()),
      strides_(tensor.strides().vec()),
      dtype_(tensor.scalar_type()),
      device_(tensor.device()) {}

bool TensorForm::Fits(const Tensor& tensor) const {
  return tensor.sizes() == sizes_ && tensor.strides() == strides_ &&
         tensor.scalar_type() == dtype_ && tensor.device() == device_;
}

// The native of a name is one object.
Value ProcedureForm::FormOf(Value procedure) {
  const auto* closure = As<ClosureObject>(procedure);
  return closure != nullptr ? Value::Of(closure->code->self) : procedure;
}

void ProcedureForm::Trace(Marker& marker) const { marker.Mark(form_); }

Modes::Modes(const Module& module) {
  (void)module.AllOf([this](const Module& part) {
    training_.push_back(part.training());
    return true;
  });
}

bool Modes::Fit(const Module& module) const {
  auto mode = training_.begin();
  return module.AllOf(
      [&](const Module& part) { return part.training() == static_cast<bool>(*mode++); });
}

StepKey::StepKey(const Optimizer& optimizer, const StepBatch& batch)
    : loss_(batch.loss), input_(batch.input), target_(batch.target), modes_(*optimizer.module()) {
  for (const NamedParameter& parameter : optimizer.parameters()) {
    trained_.push_back(parameter.tensor.requires_grad());
  }
}

bool StepKey::Fits(const Optimizer& optimizer, const StepBatch& batch) const {
  return loss_.Fits(batch.loss) && input_.Fits(batch.input) && target_.Fits(batch.target) &&
         modes_.Fit(*optimizer.module()) &&
         std::equal(trained_.begin(), trained_.end(), optimizer.parameters().begin(),
                    [](uint8_t trained, const NamedParameter& parameter) {
                      return parameter.tensor.requires_grad() == static_cast<bool>(trained);
                    });
}

}  // namespace eta::tensor
