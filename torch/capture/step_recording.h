// StepRecording: how a training step becomes a plan. The step is computed as any other.
//
//   StepRecording recording(optimizer, batch, generator, vm);
//   { const StepRecording::Scope scope(recording);  ... the model, the loss ... }
//   recording.EndLoss();
//   { const StepRecording::Scope scope(recording);  ... its value ... }
//   recording.EndForward(root, loss, adds);
//   RecordedPlan plan = recording.Backward(root, seed);
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "torch/capture/recorder.h"
#include "torch/capture/step_trial.h"
#include "torch/capture/step_watch.h"

namespace eta::tensor {

// What becomes of it.
struct RecordedPlan {
  std::unique_ptr<StepPlan> plan;
  ProgramFacts facts;
  std::string problem;  // why there is no plan
};

// Lives for one step. Thread safety: the isolate's thread.
class StepRecording {
 public:
  // REQUIRES: the optimizer is laid out and its gradients are cleared.
  // `vm`: whose procedures take part; null if none do. The batch's loss must stay rooted until
  // Backward is over. `exact`: there is to be no plan that rounds otherwise than the step.
  StepRecording(const Optimizer& optimizer, StepBatch batch, const at::Generator& generator, Vm* vm,
                bool exact);

  // While in scope what the thread does is a part of the step.
  class Scope {
   public:
    explicit Scope(StepRecording& recording) : recorder_(recording.recorder_) {
      if (recording.watch_) watch_.emplace(recording.watch_->watch());
    }

   private:
    const Recorder::Scope recorder_;
    std::optional<Watch::Scope> watch_;
  };

  // The loss is there, nobody has looked at its value.
  void EndLoss();
  // It has been read, if anything counts.
  void EndForward(const Tensor& root, const StepPlan::Loss& loss, bool adds);
  // The backward pass, as Tensor::backward; throws what that throws.
  RecordedPlan Backward(const Tensor& root, double seed);

 private:
  std::unique_ptr<StepPlan> MakePlan(double seed, std::string* problem);
  void NoteGradients();

  const Optimizer& optimizer_;
  const StepBatch batch_;
  const at::Generator generator_;
  const StepState before_;
  const bool exact_;
  Recorder recorder_;
  std::optional<StepWatch> watch_;
  StepFacts facts_{};
  StepPlan::Loss loss_{};
};

}  // namespace eta::tensor
