// CapturedForward: a model for inference. What it computes for an input is recorded at the first
// input of a form, and replayed for the others; without gradients. Where that cannot be (see
// CapturedSteps), the model is run as ever.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "torch/capture/plan.h"
#include "torch/capture/step_key.h"
#include "torch/capture/step_plan.h"
#include "torch/capture/step_watch.h"

namespace eta::tensor {

// Inputs of one form, while the modules are in the same modes.
struct ForwardKind {
  // Whether the plan, if there is one, still computes what the model does.
  bool Holds(Vm& vm) const;
  void GiveUp(std::string why);

  TensorForm input;
  Modes modes;
  std::unique_ptr<Plan> plan;  // null: `problem` says why
  std::vector<FixedTensor> fixed, constants;
  ProgramFacts facts;
  std::string problem;
  int renewals = 0;  // plans that it had before
};

// Thread safety: the isolate's thread. Whoever keeps it has it traced.
class CapturedForward {
 public:
  // For so many forms and modes; others take the place of those that were not seen for longest.
  static constexpr size_t kKinds = 8;

  explicit CapturedForward(std::shared_ptr<Module> model);

  // The output, which is the caller's. Throws what libtorch throws, and then `culprit` is what
  // called the operation, if that was not the caller; undefined: an error has been started by a
  // procedure of the program.
  Tensor Run(TensorContext& context, const Tensor& input, std::string_view* culprit);

  int64_t replays() const { return replays_; }
  // Those there are, the one that was used last first.
  const std::vector<std::unique_ptr<ForwardKind>>& kinds() const { return kinds_; }
  void Trace(Marker& marker) const;

 private:
  bool MayCapture(const TensorContext& context, const Tensor& input) const;
  bool is_programs() const { return repeats_ == Module::Repetition::kIfWatched; }
  ForwardKind* Find(const Tensor& input);
  Tensor Replay(TensorContext& context, ForwardKind& kind, const Tensor& input,
                std::string_view* culprit);
  Tensor Record(TensorContext& context, const Tensor& input, int renewals);

  const std::shared_ptr<Module> model_;
  const Module::Repetition repeats_;
  std::vector<std::unique_ptr<ForwardKind>> kinds_;
  int64_t replays_ = 0;
};

}  // namespace eta::tensor
