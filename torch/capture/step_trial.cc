#include "torch/capture/step_trial.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace eta::tensor {

bool SameBits(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  const Tensor x = a.contiguous(), y = b.contiguous();
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

namespace {

bool SameNumber(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

// The gradients that lie in arenas, as memory: nothing about them but their values changes.
class ArenaGradients {
 public:
  explicit ArenaGradients(const Optimizer& optimizer) : optimizer_(optimizer) {
    for (const auto& segment : optimizer.segments()) {
      values_.push_back(IsLarge(segment) ? Tensor() : segment.tensors.gradient.clone());
    }
  }
  void Clear() const {
    for (const auto& segment : optimizer_.segments()) {
      segment.arena->FillZero(segment.block, segment.begin, segment.end);
    }
  }
  bool Hold() const {
    return std::equal(values_.begin(), values_.end(), optimizer_.segments().begin(),
                      [](const Tensor& values, const Optimizer::Segment& segment) {
                        return !values.defined() || SameBits(values, segment.tensors.gradient);
                      });
  }
  void Restore() const {
    for (size_t i = 0; i < values_.size(); ++i) {
      const Tensor& gradient = optimizer_.segments()[i].tensors.gradient;
      if (!values_[i].defined()) continue;
      std::memcpy(gradient.data_ptr(), values_[i].const_data_ptr(), values_[i].nbytes());
    }
  }

 private:
  static bool IsLarge(const Optimizer::Segment& segment) {
    return segment.arena->blocks()[segment.block].large;
  }

  const Optimizer& optimizer_;
  std::vector<Tensor> values_;  // by segment
};

bool GivesTheSame(StepPlan& plan, const Optimizer& optimizer) {
  for (size_t i = 0; i < plan.facts().made.size(); ++i) {
    const Tensor& parameter = optimizer.parameters()[plan.facts().made[i]].tensor;
    if (!SameBits(parameter.grad(), plan.plan().gift(i).tensor)) return false;
  }
  return true;
}

bool Repeats(StepPlan& plan, const Optimizer& optimizer, const RecordedStep& step,
             const at::Generator& generator) {
  const auto loss = plan.RunForward(step.batch.input, step.batch.target, generator);
  if (!SameNumber(loss.value, step.loss.value) ||
      !SameNumber(loss.denominator, step.loss.denominator)) {
    return false;
  }
  plan.RunBackward(step.seed, generator);
  return GivesTheSame(plan, optimizer);
}

}  // namespace

StepState::StepState(const Module& model, const at::Generator& generator)
    : generator_(generator), stream_(generator.get_state()) {
  const at::NoGradGuard no_grad;
  for (const NamedParameter& buffer : model.Buffers()) {
    buffers_.push_back(buffer.tensor);
    values_.push_back(buffer.tensor.clone());
  }
}

// Below autograd: nobody is to see that they were written.
void StepState::Restore() const {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  at::Generator generator = generator_;
  generator.set_state(stream_);
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(values_[i]);
}

bool StepState::Holds() const {
  return SameBits(generator_.get_state(), stream_) &&
         std::equal(
             buffers_.begin(), buffers_.end(), values_.begin(),
             [](const Tensor& buffer, const Tensor& value) { return SameBits(buffer, value); });
}

bool RepeatsStep(StepPlan& plan, const Optimizer& optimizer, const RecordedStep& step,
                 const at::Generator& generator) {
  const StepState after(*optimizer.module(), generator);
  const ArenaGradients gradients(optimizer);
  step.before.Restore();
  gradients.Clear();
  bool same = false;
  try {
    same = Repeats(plan, optimizer, step, generator) && after.Holds() && gradients.Hold();
  } catch (const std::exception&) {  // nothing that the program did
  }
  plan.Release();
  after.Restore();
  gradients.Restore();
  return same;
}

}  // namespace eta::tensor
