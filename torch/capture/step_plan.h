// StepPlan: a plan of a training step's forward and backward pass, with what it relies on and what
// it leaves behind.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "torch/capture/plan.h"
#include "torch/capture/step_key.h"

namespace eta::tensor {

// The number in a tensor of one element, of float32, float64 or int64 on the CPU without libtorch.
// Waits for a device.
double NumberIn(const Tensor& tensor);

// A tensor that must be found as it was: its memory is part of a plan.
class FixedTensor {
 public:
  explicit FixedTensor(const Tensor& tensor);
  // Also: it is still no result of a computation, and its gradient is tracked, or not, as it was.
  bool Holds() const;
  const void* storage() const { return tensor_.unsafeGetTensorImpl()->unsafe_storage().data(); }

 private:
  Tensor tensor_;
  TensorForm form_;
  const void* data_;
  bool requires_grad_;
};

// Whether all of them do.
bool Hold(std::span<const FixedTensor> tensors);

// What a recorded trace means.
struct StepFacts {
  size_t root;                        // the loss
  std::optional<size_t> denominator;  // where it was read; or
  double fixed_denominator = 0;       // what follows from the shapes
  Tensor seed;                        // what the backward pass began with
  std::vector<size_t> in_place;       // parameters whose gradients were added to in their places,
  std::vector<size_t> places;         // which are these
  std::vector<size_t> made;           // large parameters that got new gradients, in this order:
  std::vector<size_t> gradients;      // these
  std::vector<FixedTensor> fixed;
  std::vector<FixedTensor> constants;  // tensors of the program that are not the model's
  bool adds = false;                   // LossNote::adds
};

// Thread safety: the isolate's thread.
class StepPlan {
 public:
  // `optimizer` is the recorded step's. Throws what libtorch throws.
  StepPlan(const Trace& trace, StepFacts facts, PlanForm form, const Optimizer& optimizer);

  // Whether all that is the model's lies where it did.
  bool Holds() const;
  // Whether the constants do.
  bool ConstantsHold() const;
  // Whether the batch has nothing of it: what a step writes to, autograd does not let it read.
  bool StandsApart(const StepBatch& batch) const;

  struct Loss {
    double value;        // read only where something counts, else 0
    double denominator;  // 0: nothing counts
  };
  // REQUIRES: both hold, and the key of the recorded step. Throw what the operations threw.
  // The denominator: what it waits for on a device is that alone.
  double RunForward(const Tensor& input, const Tensor& target, const at::Generator& generator);
  // Of one element; there until Release.
  const Tensor& loss() const { return plan_.tensor(facts_.root); }
  // Makes the gradients those of the loss times `seed`, zeros where it has none, whatever was
  // there.
  void RunBackward(double seed, const at::Generator& generator);
  // The same, and the optimizer's arenas know of them. `ready`, unless it is null, is called with
  // each parameter as soon as its gradient is final, and may change that; what it throws comes out.
  // REQUIRES: the gradients are cleared. After an error they are, too.
  using Ready = std::function<void(const Tensor& parameter)>;
  void RunBackward(double seed, const at::Generator& generator, Optimizer& optimizer,
                   const Ready& ready = nullptr);
  void Release() { plan_.Release(); }
  // Plan::failed_caller.
  std::string_view failed_caller() const { return plan_.failed_caller(); }

  Plan& plan() { return plan_; }
  const StepFacts& facts() const { return facts_; }

 private:
  // Of facts().in_place and then facts().made, the `index`th: its arena gets to know of the
  // gradient.
  const Tensor& HandOver(size_t index, const Optimizer& optimizer);
  void NoteAddedTo(const Optimizer& optimizer);
  void ZeroAddedTo() const;
  void SetSeed(double seed);

  StepFacts facts_;
  std::optional<double> seed_;         // what facts_.seed holds, if that is known
  std::vector<const void*> storages_;  // of what is fixed
  Plan plan_;
  // Whether the plan writes some gradients in their places first, and which ones it does not.
  bool writes_some_ = false;
  std::vector<ArenaRegistry::Place> added_to_;
};

}  // namespace eta::tensor
