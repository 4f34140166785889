// Update rules: how an optimizer changes parameters, given gradients. One pass over flat memory,
// auto-vectorised, for float32 and float64 on the CPU; the same in tensor operations elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

namespace eta::tensor {

using at::Tensor;

inline constexpr int kMaxStates = 3;

// `count` elements each of parameters, their gradients and the rule's state, as 1-D tensors.
struct UpdateTensors {
  Tensor parameter, gradient;
  Tensor state[kMaxStates];  // as many as the rule has
};
// The same in memory of this process.
template <class T>
struct UpdateMemory {
  T* parameter;
  const T* gradient;
  T* state[kMaxStates];
  int64_t count;
};

struct UpdateStep {
  int64_t count;  // of updates of these parameters, this one included
  double learning_rate;
};

// Constant after construction: what it remembers lies in the state, which starts as zeros.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual const char* name() const = 0;  // "sgd"
  // All that the user chose: "sgd, momentum 0.9, weight-decay 0". Equal for rules that do the same.
  virtual std::string Description() const = 0;
  virtual int state_count() const = 0;
  // Which state is an average of the parameters over the updates; -1: none is.
  virtual int average_state() const { return -1; }
  virtual void Apply(const UpdateMemory<float>& memory, const UpdateStep& step) const = 0;
  virtual void Apply(const UpdateMemory<double>& memory, const UpdateStep& step) const = 0;
  virtual void Apply(const UpdateTensors& tensors, const UpdateStep& step) const = 0;
};

// As in PyTorch's optimizers of these names; a weight decay adds to the gradients.
struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
};
struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  // the decay shrinks the parameters instead: AdamW
};
struct RmspropOptions {
  double alpha = 0.99;  // how much of the average squares stays
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
};
struct AdagradOptions {
  double rate_decay = 0;
  double weight_decay = 0;
  double initial = 0;  // of the sums of squares
  double epsilon = 1e-10;
};

// REQUIRES: options in range.
std::unique_ptr<UpdateRule> MakeSgd(const SgdOptions& options);
std::unique_ptr<UpdateRule> MakeAdam(const AdamOptions& options);
std::unique_ptr<UpdateRule> MakeRmsprop(const RmspropOptions& options);
std::unique_ptr<UpdateRule> MakeAdagrad(const AdagradOptions& options);
// The rule, and after it an exponential moving average of the parameters, which keeps `decay` of
// itself in each update; it begins with the parameters after the first one.
std::unique_ptr<UpdateRule> MakeAveraging(std::unique_ptr<UpdateRule> rule, double decay);

}  // namespace eta::tensor
