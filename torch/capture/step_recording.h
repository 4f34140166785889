// StepRecording: how a training step becomes a plan. The step is computed as any other.
//
//   StepRecording recording(optimizer, batch, generator);
//   { const Recorder::Scope scope(recording.recorder());  ... the model ... }
//   recording.EndModel();
//   { const Recorder::Scope scope(recording.recorder());  ... the loss, its value ... }
//   recording.EndForward(root, loss);
//   std::unique_ptr<StepPlan> plan = recording.Backward(root, seed, &problem);
#pragma once

#include <memory>
#include <string>

#include "torch/capture/recorder.h"
#include "torch/capture/step_trial.h"

namespace eta::tensor {

// Lives for one step. Thread safety: the isolate's thread.
class StepRecording {
 public:
  // REQUIRES: the optimizer is laid out and its gradients are cleared.
  StepRecording(const Optimizer& optimizer, StepBatch batch, const at::Generator& generator);

  Recorder& recorder() { return recorder_; }
  // The prediction is there.
  void EndModel();
  // The loss is there and has been read, if anything counts.
  void EndForward(const Tensor& root, const StepPlan::Loss& loss);
  // The backward pass, as Tensor::backward; throws what that throws. Returns the plan, or null and
  // why there is none.
  std::unique_ptr<StepPlan> Backward(const Tensor& root, double seed, std::string* problem);

 private:
  std::unique_ptr<StepPlan> MakePlan(double seed, std::string* problem);
  void NoteGradients();

  const Optimizer& optimizer_;
  const StepBatch batch_;
  const at::Generator generator_;
  const StepState before_;
  Recorder recorder_;
  StepFacts facts_{};
  StepPlan::Loss loss_{};
};

}  // namespace eta::tensor
