// CapturedSteps: which of an optimizer's training steps repeat each other, and the plans of those.
// The first step of a kind is computed as any other, the second is recorded while it is, from the
// third on they are replayed.
//
// A step is captured if its model is made of modules that run the same operations each time, its
// loss is one of the library, and nothing but the batch, the random numbers and the values of
// parameters and buffers differs from the recorded one. All else is computed eagerly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "torch/capture/step_recording.h"

namespace eta::tensor {

// Ends the replay of a step.
struct ReleaseStep {
  void operator()(StepPlan* plan) const { plan->Release(); }
};
using Replay = std::unique_ptr<StepPlan, ReleaseStep>;

// Thread safety: the isolate's thread.
class CapturedSteps {
 public:
  // Plans for so many kinds of steps, such as whole batches, the last one of an epoch, those in
  // evaluation mode.
  static constexpr size_t kKinds = 8;

  // Steps of one kind.
  struct Kind {
    StepKey key;
    int64_t eager = 0, replayed = 0;  // how many
    uint64_t last = 0;                // the number of the last one
    std::unique_ptr<StepPlan> plan;
    std::string problem;  // why there will be none
  };

  // Those of `optimizer`, made on first use.
  static CapturedSteps& Of(Optimizer& optimizer);

  // Begins a step: null if none like it can be captured, which is noted down.
  Kind* Enter(const TensorContext& context, const Optimizer& optimizer, const Module& model,
              const StepBatch& batch);
  // Whether a step of this kind is to be recorded now.
  static bool Wants(const Kind& kind) {
    return kind.eager >= 2 && kind.plan == nullptr && kind.problem.empty();
  }
  // After a failure to record too: then `plan` is null.
  static void Keep(Kind& kind, std::unique_ptr<StepPlan> plan, std::string problem);

  const std::vector<std::unique_ptr<Kind>>& kinds() const { return kinds_; }
  // Steps that were not looked at any further, and why the last one was not.
  int64_t others() const { return others_; }
  const std::string& objection() const { return objection_; }

 private:
  explicit CapturedSteps(const Optimizer& optimizer);

  const char* Objection(const TensorContext& context, const Optimizer& optimizer,
                        const Module& model, const StepBatch& batch) const;
  Kind* Find(const Optimizer& optimizer, const StepBatch& batch);
  void ForgetPlans();
  Kind* Add(const Optimizer& optimizer, const StepBatch& batch);

  const bool model_repeats_;
  std::vector<std::unique_ptr<Kind>> kinds_;
  uint64_t steps_ = 0;
  int64_t others_ = 0;
  std::string objection_;
};

}  // namespace eta::tensor
