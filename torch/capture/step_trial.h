// Trying a plan on the very step that it was recorded from: it is used only if it gives the same
// loss, gradients, buffers and random numbers to the bit.
#pragma once

#include <vector>

#include "torch/capture/step_plan.h"

namespace eta::tensor {

// Whether two tensors have the same form and hold the same bits.
bool SameBits(const Tensor& a, const Tensor& b);

// What a step changes besides gradients: buffers of the model and a random stream.
class StepState {
 public:
  // As it is now.
  StepState(const Module& model, const at::Generator& generator);
  // Makes it again what it was.
  void Restore() const;
  // Whether it is what it was.
  bool Holds() const;

 private:
  at::Generator generator_;
  Tensor stream_;  // the generator's state
  std::vector<Tensor> buffers_, values_;
};

// The recorded step, which has just run: its loss and what its backward pass began with.
struct RecordedStep {
  const StepBatch& batch;
  const StepState& before;
  StepPlan::Loss loss;
  double seed;
};

// Runs the plan once more on the same batch; afterwards all is as the recorded step left it. False:
// it gave anything else, or failed. REQUIRES: the gradients are those of the recorded step alone.
bool RepeatsStep(StepPlan& plan, const Optimizer& optimizer, const RecordedStep& step,
                 const at::Generator& generator);

}  // namespace eta::tensor
