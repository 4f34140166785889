#include "torch/update_rule.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/sqrt.h>

#include <cmath>
#include <limits>
#include <utility>

#include "base/vectorized.h"
#include "vm/number_text.h"

namespace eta::tensor {
namespace {

// The loops are written once for both types; each is inlined into its vectorised callers below.
template <class T>
struct SgdFactors {
  T learning_rate, momentum, weight_decay;
  bool nesterov;
};

template <class T>
[[gnu::always_inline]] inline void PlainSgd(UpdateMemory<T> m, SgdFactors<T> f) {
  T* parameter = m.parameter;
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i] + f.weight_decay * parameter[i];
    parameter[i] -= f.learning_rate * g;
  }
}

// What decays while a gradient stays 0 would otherwise end as a number without its leading bits,
// and stay there: arithmetic on those takes some processors a hundred times as long.
template <class T>
[[gnu::always_inline]] inline T WithoutDenormals(T average) {
  return std::abs(average) < std::numeric_limits<T>::min() ? T{0} : average;
}

template <bool nesterov, class T>
[[gnu::always_inline]] inline void MomentumSgd(UpdateMemory<T> m, SgdFactors<T> f) {
  T* parameter = m.parameter;
  T* velocity = m.state[0];
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i] + f.weight_decay * parameter[i];
    const T v = WithoutDenormals(f.momentum * velocity[i] + g);
    velocity[i] = v;
    parameter[i] -= f.learning_rate * (nesterov ? g + f.momentum * v : v);
  }
}

template <class T>
[[gnu::always_inline]] inline void Sgd(UpdateMemory<T> m, SgdFactors<T> f) {
  if (f.momentum == 0) return PlainSgd(m, f);
  return f.nesterov ? MomentumSgd<true>(m, f) : MomentumSgd<false>(m, f);
}

template <class T>
struct AdamFactors {
  T beta1, beta2, epsilon;
  T new1, new2;         // 1 - beta: in float32 the difference itself would lose its digits
  T step_size;          // learning rate / (1 - beta1^step)
  T second_correction;  // 1 / sqrt(1 - beta2^step)
  T weight_decay;       // adds to the gradient
  T shrinkage;          // of the parameter, before all else
};

template <bool decays, class T>
[[gnu::always_inline]] inline void AdamLoop(UpdateMemory<T> m, AdamFactors<T> f) {
  T* parameter = m.parameter;
  T* first = m.state[0];
  T* second = m.state[1];
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T p = decays ? parameter[i] * f.shrinkage : parameter[i];
    const T g = decays ? gradient[i] + f.weight_decay * p : gradient[i];
    first[i] = WithoutDenormals(f.beta1 * first[i] + f.new1 * g);
    second[i] = f.beta2 * second[i] + f.new2 * g * g;
    const T root = std::sqrt(second[i]) * f.second_correction + f.epsilon;
    parameter[i] = p - f.step_size * first[i] / root;
  }
}

template <class T>
[[gnu::always_inline]] inline void Adam(UpdateMemory<T> m, AdamFactors<T> f) {
  return f.weight_decay != 0 || f.shrinkage != 1 ? AdamLoop<true>(m, f) : AdamLoop<false>(m, f);
}

template <class T>
struct RmspropFactors {
  T learning_rate, alpha, epsilon, weight_decay, momentum;
  T new_share;  // 1 - alpha
};

template <bool momentum, class T>
[[gnu::always_inline]] inline void RmspropLoop(UpdateMemory<T> m, RmspropFactors<T> f) {
  T* parameter = m.parameter;
  T* squares = m.state[0];
  T* velocity = m.state[1];
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i] + f.weight_decay * parameter[i];
    squares[i] = f.alpha * squares[i] + f.new_share * g * g;
    T change = g / (std::sqrt(squares[i]) + f.epsilon);
    if (momentum) velocity[i] = change = WithoutDenormals(f.momentum * velocity[i] + change);
    parameter[i] -= f.learning_rate * change;
  }
}

template <class T>
[[gnu::always_inline]] inline void Rmsprop(UpdateMemory<T> m, RmspropFactors<T> f) {
  return f.momentum != 0 ? RmspropLoop<true>(m, f) : RmspropLoop<false>(m, f);
}

template <class T>
struct AdagradFactors {
  T step_size;  // learning rate / (1 + (step - 1) decay)
  T weight_decay, initial, epsilon;
};

template <class T>
[[gnu::always_inline]] inline void Adagrad(UpdateMemory<T> m, AdagradFactors<T> f) {
  T* parameter = m.parameter;
  T* squares = m.state[0];  // without the initial value: state starts as zeros
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i] + f.weight_decay * parameter[i];
    squares[i] += g * g;
    parameter[i] -= f.step_size * g / (std::sqrt(squares[i] + f.initial) + f.epsilon);
  }
}

ETA_VECTORIZED void UpdateFlat(const UpdateMemory<float>& m, const SgdFactors<float>& f) {
  Sgd(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<double>& m, const SgdFactors<double>& f) {
  Sgd(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<float>& m, const AdamFactors<float>& f) {
  Adam(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<double>& m, const AdamFactors<double>& f) {
  Adam(m, f);
}

ETA_VECTORIZED void UpdateFlat(const UpdateMemory<float>& m, const RmspropFactors<float>& f) {
  Rmsprop(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<double>& m, const RmspropFactors<double>& f) {
  Rmsprop(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<float>& m, const AdagradFactors<float>& f) {
  Adagrad(m, f);
}
ETA_VECTORIZED void UpdateFlat(const UpdateMemory<double>& m, const AdagradFactors<double>& f) {
  Adagrad(m, f);
}

Tensor WithDecay(const UpdateTensors& t, double weight_decay) {
  return weight_decay != 0 ? at::add(t.gradient, t.parameter, weight_decay) : t.gradient;
}

template <class T>
struct AverageFactors {
  T decay, new_share;  // 1 - decay
};

template <class T>
[[gnu::always_inline]] inline void Average(const T* parameter, T* average, int64_t count,
                                           AverageFactors<T> f) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    average[i] = f.decay * average[i] + f.new_share * parameter[i];
  }
}
ETA_VECTORIZED void AverageFlat(const float* parameter, float* average, int64_t count,
                                const AverageFactors<float>& f) {
  Average(parameter, average, count, f);
}
ETA_VECTORIZED void AverageFlat(const double* parameter, double* average, int64_t count,
                                const AverageFactors<double>& f) {
  Average(parameter, average, count, f);
}

// "sgd, momentum 0.9, weight-decay 0"
std::string Describe(std::string text,
                     std::initializer_list<std::pair<const char*, double>> options) {
  for (const auto& [name, value] : options) {
    text += std::string(", ") + name + ' ';
    AppendFloat(value, &text);
  }
  return text;
}

// A rule whose loop over flat memory, UpdateFlat, takes the rule's factors of either type.
template <class Rule, class Options>
class FlatRule : public UpdateRule {
 public:
  explicit FlatRule(const Options& options) : options_(options) {}

  void Apply(const UpdateMemory<float>& memory, const UpdateStep& step) const final {
    UpdateFlat(memory, static_cast<const Rule*>(this)->template Factors<float>(step));
  }
  void Apply(const UpdateMemory<double>& memory, const UpdateStep& step) const final {
    UpdateFlat(memory, static_cast<const Rule*>(this)->template Factors<double>(step));
  }

 protected:
  const Options options_;
};

class SgdRule final : public FlatRule<SgdRule, SgdOptions> {
 public:
  using FlatRule::Apply;
  using FlatRule::FlatRule;

  const char* name() const override { return "sgd"; }
  std::string Description() const override {
    return Describe(name(), {{"momentum", options_.momentum},
                             {"weight-decay", options_.weight_decay},
                             {"nesterov", options_.nesterov}});
  }
  int state_count() const override { return options_.momentum != 0 ? 1 : 0; }
  void Apply(const UpdateTensors& t, const UpdateStep& step) const override {
    at::NoGradGuard no_grad;
    Tensor g = WithDecay(t, options_.weight_decay);
    if (options_.momentum != 0) {
      t.state[0].mul_(options_.momentum).add_(g);
      g = options_.nesterov ? at::add(g, t.state[0], options_.momentum) : t.state[0];
    }
    t.parameter.add_(g, -step.learning_rate);
  }

  template <class T>
  SgdFactors<T> Factors(const UpdateStep& step) const {
    return {static_cast<T>(step.learning_rate), static_cast<T>(options_.momentum),
            static_cast<T>(options_.weight_decay), options_.nesterov};
  }
};

class AdamRule final : public FlatRule<AdamRule, AdamOptions> {
 public:
  using FlatRule::Apply;
  using FlatRule::FlatRule;

  const char* name() const override { return options_.decoupled ? "adamw" : "adam"; }
  std::string Description() const override {
    return Describe(name(), {{"beta1", options_.beta1},
                             {"beta2", options_.beta2},
                             {"epsilon", options_.epsilon},
                             {"weight-decay", options_.weight_decay}});
  }
  int state_count() const override { return 2; }
  void Apply(const UpdateTensors& t, const UpdateStep& step) const override {
    at::NoGradGuard no_grad;
    const auto f = Factors<double>(step);
    if (f.shrinkage != 1) t.parameter.mul_(f.shrinkage);
    const Tensor g = WithDecay(t, f.weight_decay);
    t.state[0].mul_(f.beta1).add_(g, f.new1);
    t.state[1].mul_(f.beta2).addcmul_(g, g, f.new2);
    const Tensor root = at::sqrt(t.state[1]).mul_(f.second_correction).add_(f.epsilon);
    t.parameter.addcdiv_(t.state[0], root, -f.step_size);
  }

  template <class T>
  AdamFactors<T> Factors(const UpdateStep& step) const {
    const auto n = static_cast<double>(step.count);
    const double step_size = step.learning_rate / (1 - std::pow(options_.beta1, n));
    const double second_correction = 1 / std::sqrt(1 - std::pow(options_.beta2, n));
    const double shrinkage =
        options_.decoupled ? 1 - step.learning_rate * options_.weight_decay : 1;
    return {static_cast<T>(options_.beta1),
            static_cast<T>(options_.beta2),
            static_cast<T>(options_.epsilon),
            static_cast<T>(1 - options_.beta1),
            static_cast<T>(1 - options_.beta2),
            static_cast<T>(step_size),
            static_cast<T>(second_correction),
            static_cast<T>(options_.decoupled ? 0 : options_.weight_decay),
            static_cast<T>(shrinkage)};
  }
};

class RmspropRule final : public FlatRule<RmspropRule, RmspropOptions> {
 public:
  using FlatRule::Apply;
  using FlatRule::FlatRule;

  const char* name() const override { return "rmsprop"; }
  std::string Description() const override {
    return Describe(name(), {{"alpha", options_.alpha},
                             {"epsilon", options_.epsilon},
                             {"weight-decay", options_.weight_decay},
                             {"momentum", options_.momentum}});
  }
  int state_count() const override { return options_.momentum != 0 ? 2 : 1; }
  void Apply(const UpdateTensors& t, const UpdateStep& step) const override {
    at::NoGradGuard no_grad;
    const Tensor g = WithDecay(t, options_.weight_decay);
    t.state[0].mul_(options_.alpha).addcmul_(g, g, 1 - options_.alpha);
    Tensor change = at::div(g, at::sqrt(t.state[0]).add_(options_.epsilon));
    if (options_.momentum != 0) change = t.state[1].mul_(options_.momentum).add_(change);
    t.parameter.add_(change, -step.learning_rate);
  }

  template <class T>
  RmspropFactors<T> Factors(const UpdateStep& step) const {
    return {static_cast<T>(step.learning_rate), static_cast<T>(options_.alpha),
            static_cast<T>(options_.epsilon),   static_cast<T>(options_.weight_decay),
            static_cast<T>(options_.momentum),  static_cast<T>(1 - options_.alpha)};
  }
};

class AdagradRule final : public FlatRule<AdagradRule, AdagradOptions> {
 public:
  using FlatRule::Apply;
  using FlatRule::FlatRule;

  const char* name() const override { return "adagrad"; }
  std::string Description() const override {
    return Describe(name(), {{"rate-decay", options_.rate_decay},
                             {"weight-decay", options_.weight_decay},
                             {"initial", options_.initial},
                             {"epsilon", options_.epsilon}});
  }
  int state_count() const override { return 1; }
  void Apply(const UpdateTensors& t, const UpdateStep& step) const override {
    at::NoGradGuard no_grad;
    const Tensor g = WithDecay(t, options_.weight_decay);
    t.state[0].addcmul_(g, g);
    const Tensor root = at::add(t.state[0], options_.initial).sqrt_().add_(options_.epsilon);
    t.parameter.addcdiv_(g, root, -Factors<double>(step).step_size);
  }

  template <class T>
  AdagradFactors<T> Factors(const UpdateStep& step) const {
    const double slower = 1 + static_cast<double>(step.count - 1) * options_.rate_decay;
    return {static_cast<T>(step.learning_rate / slower), static_cast<T>(options_.weight_decay),
            static_cast<T>(options_.initial), static_cast<T>(options_.epsilon)};
  }
};

class AveragingRule final : public UpdateRule {
 public:
  AveragingRule(std::unique_ptr<UpdateRule> rule, double decay)
      : rule_(std::move(rule)), decay_(decay) {}

  const char* name() const override { return rule_->name(); }
  std::string Description() const override {
    return Describe(rule_->Description(), {{"average", decay_}});
  }
  int state_count() const override { return rule_->state_count() + 1; }
  int average_state() const override { return rule_->state_count(); }

  void Apply(const UpdateMemory<float>& memory, const UpdateStep& step) const override {
    ApplyFlat(memory, step);
  }
  void Apply(const UpdateMemory<double>& memory, const UpdateStep& step) const override {
    ApplyFlat(memory, step);
  }
  void Apply(const UpdateTensors& t, const UpdateStep& step) const override {
    rule_->Apply(t, step);
    at::NoGradGuard no_grad;
    const double decay = DecayAt(step);
    t.state[average_state()].mul_(decay).add_(t.parameter, 1 - decay);
  }

 private:
  // The first update takes the parameters as they are.
  double DecayAt(const UpdateStep& step) const { return step.count == 1 ? 0 : decay_; }

  template <class T>
  void ApplyFlat(const UpdateMemory<T>& memory, const UpdateStep& step) const {
    rule_->Apply(memory, step);
    const double decay = DecayAt(step);
    const AverageFactors<T> factors{static_cast<T>(decay), static_cast<T>(1 - decay)};
    AverageFlat(memory.parameter, memory.state[average_state()], memory.count, factors);
  }

  const std::unique_ptr<UpdateRule> rule_;
  const double decay_;
};

}  // namespace

std::unique_ptr<UpdateRule> MakeAveraging(std::unique_ptr<UpdateRule> rule, double decay) {
  return std::make_unique<AveragingRule>(std::move(rule), decay);
}

std::unique_ptr<UpdateRule> MakeSgd(const SgdOptions& options) {
  return std::make_unique<SgdRule>(options);
}
std::unique_ptr<UpdateRule> MakeAdam(const AdamOptions& options) {
  return std::make_unique<AdamRule>(options);
}

std::unique_ptr<UpdateRule> MakeRmsprop(const RmspropOptions& options) {
  return std::make_unique<RmspropRule>(options);
}
std::unique_ptr<UpdateRule> MakeAdagrad(const AdagradOptions& options) {
  return std::make_unique<AdagradRule>(options);
}

}  // namespace eta::tensor
