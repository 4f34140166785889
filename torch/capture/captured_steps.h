// CapturedSteps: which of an optimizer's training steps repeat each other, and the plans of those.
// The first step of a kind is computed as any other, the second is recorded while it is, from the
// third on they are replayed.
//
// A step is captured if nothing but the batch, the random numbers and the values of parameters and
// buffers differs from the recorded one: its model is made of modules that run the same operations
// each time, its loss is one of the library; or procedures of the program take part that do nothing
// but compute, and what they read is as it was. All else is computed eagerly.
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

// Steps of one kind.
struct StepKind {
  explicit StepKind(StepKey own) : key(std::move(own)) {}

  const StepKey key;
  int64_t eager = 0, replayed = 0;  // how many
  uint64_t last = 0;                // the number of the last one
  std::unique_ptr<StepPlan> plan;
  ProgramFacts facts;   // what the plan takes for granted
  std::string problem;  // why there will be no plan
  std::string change;   // why there is no longer one

  // Whether a step is to be recorded now.
  bool WantsRecording() const {
    return plan == nullptr && problem.empty() && computed_ >= patience_;
  }
  // After a failure to record too: then `plan` is null.
  void Keep(RecordedPlan recorded);
  void Count();  // one more step
  void Forget();
  // Because of the program's variables: if that goes on, there is little use in plans.
  void Forget(std::string change);

 private:
  int64_t computed_ = 0;  // since there was a plan
  int64_t patience_ = 2;  // so many before another one is made
  int64_t used_ = 0;      // how often the plan was
};

// Thread safety: the isolate's thread.
class CapturedSteps {
 public:
  // Plans for so many kinds of steps, such as whole batches, the last one of an epoch, those in
  // evaluation mode.
  static constexpr size_t kKinds = 8;

  // Those of `optimizer`, made on first use.
  static CapturedSteps& Of(Optimizer& optimizer);

  // Begins a step: null if none like it can be captured, which is noted down. Steps that are taken
  // before this one ends may make others forget its kind.
  std::shared_ptr<StepKind> Enter(const TensorContext& context, const Optimizer& optimizer,
                                  const Module& model, const StepBatch& batch);
  // Whether the program's own procedures take part in a step.
  bool IsPrograms(const StepBatch& batch) const;

  const std::vector<std::shared_ptr<StepKind>>& kinds() const { return kinds_; }
  // Steps that were not looked at any further, and why the last one was not.
  int64_t others() const { return others_; }
  const std::string& objection() const { return objection_; }
  void Trace(Marker& marker) const;

 private:
  explicit CapturedSteps(const Optimizer& optimizer);

  const char* Objection(const TensorContext& context, const Optimizer& optimizer,
                        const Module& model, const StepBatch& batch) const;
  std::shared_ptr<StepKind> Decline(const char* objection);
  std::shared_ptr<StepKind> Find(const Optimizer& optimizer, const StepBatch& batch);
  void DropStalePlans(StepKind& kind, Vm& vm, const StepBatch& batch);
  std::shared_ptr<StepKind> Add(const Optimizer& optimizer, const StepBatch& batch);

  const Module::Repetition model_repeats_;
  std::vector<std::shared_ptr<StepKind>> kinds_;
  uint64_t steps_ = 0;
  int64_t others_ = 0;
  std::string objection_;
};

}  // namespace eta::tensor
