// Trying a plan on the very step that it was recorded from: it is used only if it gives the same
// loss, gradients, buffers and random numbers. To the bit, unless it has steps that round
// otherwise.
#pragma once

#include <vector>

#include "torch/capture/step_plan.h"

namespace eta::tensor {

// How the numbers of a plan are compared with those of the step that was recorded.
class Comparison {
 public:
  // Of a plan with steps that round otherwise, or on a GPU. In float32 sums of thousands of
  // products that were added in another order differ by up to 1e-6 of the largest of them.
  static constexpr double kRounding = 1e-5;

  // Kernels of GPUs may add in an order that differs from run to run, so that not even libtorch's
  // own give the bits that they gave.
  explicit Comparison(const Plan& plan)
      : exact_(plan.rounding_steps() == 0 && !plan.device().is_cuda()) {}

  // Whether they have the same form and the same bits; or numbers whose differences are at most
  // kRounding times the largest magnitude in `b`.
  bool Match(const Tensor& a, const Tensor& b) const;
  bool Match(double a, double b) const;

 private:
  const bool exact_;
};

// What a step changes besides gradients: buffers of the model and a random stream.
class StepState {
 public:
  // As it is now.
  StepState(const Module& model, const at::Generator& generator);
  // Makes it again what it was.
  void Restore() const;
  // Whether it is what it was; of the random stream each bit.
  bool Holds(const Comparison& comparison) const;

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
