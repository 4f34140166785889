#include "torch/capture/step_trial.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/max.h>
#include <ATen/ops/sub.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace eta::tensor {

namespace {

bool SameBits(const Tensor& a, const Tensor& b) {
  const Tensor x = a.contiguous().cpu(), y = b.contiguous().cpu();
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

bool AreClose(const Tensor& a, const Tensor& b) {
  if (!a.is_floating_point()) return false;
  const at::NoGradGuard no_grad;
  const double largest = b.abs().max().item<double>();
  return at::sub(a, b).abs().max().item<double>() <= Comparison::kRounding * largest;
}

}  // namespace

bool Comparison::Match(const Tensor& a, const Tensor& b) const {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  return SameBits(a, b) || (!exact_ && AreClose(a, b));
}

bool Comparison::Match(double a, double b) const {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (!exact_ && std::abs(a - b) <= kRounding * std::abs(b));
}

namespace {

// The gradients that lie in arenas, as memory: nothing about them but their values changes.
class ArenaGradients {
 public:
  explicit ArenaGradients(const Optimizer& optimizer) : optimizer_(optimizer) {
    for (const auto& segment : optimizer.segments()) {
      values_.push_back(IsLarge(segment) ? Tensor() : segment.tensors.gradient.clone());
    }
  }
  // As they may be when a step begins.
  void Spoil() const {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    for (size_t i = 0; i < optimizer_.parameters().size(); ++i) {
      const auto place = optimizer_.PlaceOf(i);
      const auto& entry = place.arena->entries()[place.index];
      if (!place.arena->blocks()[entry.block].large) entry.gradient.fill_(std::nan(""));
    }
  }
  bool Hold(const Comparison& comparison) const {
    return std::equal(values_.begin(), values_.end(), optimizer_.segments().begin(),
                      [&](const Tensor& values, const Optimizer::Segment& segment) {
                        return !values.defined() ||
                               comparison.Match(segment.tensors.gradient, values);
                      });
  }
  void Restore() const {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    for (size_t i = 0; i < values_.size(); ++i) {
      const Tensor& gradient = optimizer_.segments()[i].tensors.gradient;
      if (!values_[i].defined()) continue;
      gradient.copy_(values_[i]);
    }
  }

 private:
  static bool IsLarge(const Optimizer::Segment& segment) {
    return segment.arena->blocks()[segment.block].large;
  }

  const Optimizer& optimizer_;
  std::vector<Tensor> values_;  // by segment
};

bool GivesTheSame(StepPlan& plan, const Optimizer& optimizer, const Comparison& comparison) {
  for (size_t i = 0; i < plan.facts().made.size(); ++i) {
    const Tensor& parameter = optimizer.parameters()[plan.facts().made[i]].tensor;
    if (!comparison.Match(plan.plan().gift(i).tensor, parameter.grad())) return false;
  }
  return true;
}

bool Repeats(StepPlan& plan, const Optimizer& optimizer, const RecordedStep& step,
             const at::Generator& generator, const Comparison& comparison) {
  const double denominator = plan.RunForward(step.batch.input, step.batch.target, generator);
  if (!comparison.Match(denominator, step.loss.denominator) ||
      !comparison.Match(plan.loss().item().toDouble(), step.loss.value)) {
    return false;
  }
  plan.RunBackward(step.seed, generator);
  return GivesTheSame(plan, optimizer, comparison);
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

bool StepState::Holds(const Comparison& comparison) const {
  return SameBits(generator_.get_state(), stream_) &&
         std::equal(buffers_.begin(), buffers_.end(), values_.begin(),
                    [&](const Tensor& buffer, const Tensor& value) {
                      return comparison.Match(buffer, value);
                    });
}

bool RepeatsStep(StepPlan& plan, const Optimizer& optimizer, const RecordedStep& step,
                 const at::Generator& generator) {
  const StepState after(*optimizer.module(), generator);
  const ArenaGradients gradients(optimizer);
  step.before.Restore();
  gradients.Spoil();
  const Comparison comparison(plan.plan());
  bool same = false;
  try {
    same = Repeats(plan, optimizer, step, generator, comparison) && after.Holds(comparison) &&
           gradients.Hold(comparison);
  } catch (const std::exception&) {  // nothing that the program did
  }
  plan.Release();
  after.Restore();
  gradients.Restore();
  return same;
}

}  // namespace eta::tensor
