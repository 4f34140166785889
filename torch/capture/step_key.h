// StepKey: what decides which operations a training step runs. Steps of one optimizer, of a model
// whose structure is fixed, with equal keys run the same ones; if procedures of the program take
// part, as long as their readings hold (vm/watch.h).
#pragma once

#include <cstdint>
#include <vector>

#include "torch/optimizer.h"
#include "vm/native.h"

namespace eta::tensor {

// What a training step is given besides the model and the optimizer.
struct StepBatch {
  Value loss;  // any procedure; unrooted
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
  c10::Device device_;
};

// A procedure but for the values that it captured.
class ProcedureForm {
 public:
  explicit ProcedureForm(Value procedure) : form_(FormOf(procedure)) {}
  bool Fits(Value procedure) const { return FormOf(procedure) == form_; }
  void Trace(Marker& marker) const;

 private:
  static Value FormOf(Value procedure);

  Value form_;  // a closure's code, or the procedure
};

// Which modules are in training mode, of one and all below it.
class Modes {
 public:
  explicit Modes(const Module& module);
  bool Fit(const Module& module) const;

 private:
  std::vector<uint8_t> training_;  // from the root in depth
};

// Sizes, strides and dtypes of the batch, the loss, the mode of each module, which parameters are
// trained. Whoever keeps one has it traced.
class StepKey {
 public:
  StepKey(const Optimizer& optimizer, const StepBatch& batch);
  // Allocates nothing.
  bool Fits(const Optimizer& optimizer, const StepBatch& batch) const;
  const TensorForm& input() const { return input_; }
  const TensorForm& target() const { return target_; }
  void Trace(Marker& marker) const { loss_.Trace(marker); }

 private:
  ProcedureForm loss_;
  TensorForm input_, target_;
  Modes modes_;
  std::vector<uint8_t> trained_;  // by parameter
};

}  // namespace eta::tensor
