#include "torch/update_rule.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/sqrt.h>

#include <cmath>

// Compiled for plain x86-64 and for AVX2 machines, chosen when the program starts. Sanitizers
// cannot run code that early.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ETA_VECTORIZED __attribute__((optimize("O3"), target_clones("arch=x86-64-v3", "default")))
#else
#define ETA_VECTORIZED __attribute__((optimize("O3")))
#endif

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

template <bool nesterov, class T>
[[gnu::always_inline]] inline void MomentumSgd(UpdateMemory<T> m, SgdFactors<T> f) {
  T* parameter = m.parameter;
  T* velocity = m.state[0];
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i] + f.weight_decay * parameter[i];
    const T v = f.momentum * velocity[i] + g;
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
  T step_size;          // learning rate / (1 - beta1^step)
  T second_correction;  // 1 / sqrt(1 - beta2^step)
};

template <class T>
[[gnu::always_inline]] inline void Adam(UpdateMemory<T> m, AdamFactors<T> f) {
  T* parameter = m.parameter;
  T* first = m.state[0];
  T* second = m.state[1];
  const T* gradient = m.gradient;
#pragma GCC ivdep
  for (int64_t i = 0; i < m.count; ++i) {
    const T g = gradient[i];
    first[i] = f.beta1 * first[i] + (1 - f.beta1) * g;
    second[i] = f.beta2 * second[i] + (1 - f.beta2) * g * g;
    const T root = std::sqrt(second[i]) * f.second_correction + f.epsilon;
    parameter[i] -= f.step_size * first[i] / root;
  }
}

ETA_VECTORIZED void UpdateSgd(const UpdateMemory<float>& m, const SgdFactors<float>& f) {
  Sgd(m, f);
}
ETA_VECTORIZED void UpdateSgd(const UpdateMemory<double>& m, const SgdFactors<double>& f) {
  Sgd(m, f);
}
ETA_VECTORIZED void UpdateAdam(const UpdateMemory<float>& m, const AdamFactors<float>& f) {
  Adam(m, f);
}
ETA_VECTORIZED void UpdateAdam(const UpdateMemory<double>& m, const AdamFactors<double>& f) {
  Adam(m, f);
}

class SgdRule final : public UpdateRule {
 public:
  explicit SgdRule(const SgdOptions& options) : options_(options) {}

  int state_count() const override { return options_.momentum != 0 ? 1 : 0; }
  void Apply(const UpdateMemory<float>& memory, int64_t) const override {
    UpdateSgd(memory, Factors<float>());
  }
  void Apply(const UpdateMemory<double>& memory, int64_t) const override {
    UpdateSgd(memory, Factors<double>());
  }
  void Apply(const UpdateTensors& t, int64_t) const override {
    at::NoGradGuard no_grad;
    Tensor g = options_.weight_decay != 0 ? at::add(t.gradient, t.parameter, options_.weight_decay)
                                          : t.gradient;
    if (options_.momentum != 0) {
      t.state[0].mul_(options_.momentum).add_(g);
      g = options_.nesterov ? at::add(g, t.state[0], options_.momentum) : t.state[0];
    }
    t.parameter.add_(g, -options_.learning_rate);
  }

 private:
  template <class T>
  SgdFactors<T> Factors() const {
    return {static_cast<T>(options_.learning_rate), static_cast<T>(options_.momentum),
            static_cast<T>(options_.weight_decay), options_.nesterov};
  }

  const SgdOptions options_;
};

class AdamRule final : public UpdateRule {
 public:
  explicit AdamRule(const AdamOptions& options) : options_(options) {}

  int state_count() const override { return 2; }
  void Apply(const UpdateMemory<float>& memory, int64_t step) const override {
    UpdateAdam(memory, Factors<float>(step));
  }
  void Apply(const UpdateMemory<double>& memory, int64_t step) const override {
    UpdateAdam(memory, Factors<double>(step));
  }
  void Apply(const UpdateTensors& t, int64_t step) const override {
    at::NoGradGuard no_grad;
    const auto f = Factors<double>(step);
    t.state[0].mul_(f.beta1).add_(t.gradient, 1 - f.beta1);
    t.state[1].mul_(f.beta2).addcmul_(t.gradient, t.gradient, 1 - f.beta2);
    const Tensor root = at::sqrt(t.state[1]).mul_(f.second_correction).add_(f.epsilon);
    t.parameter.addcdiv_(t.state[0], root, -f.step_size);
  }

 private:
  template <class T>
  AdamFactors<T> Factors(int64_t step) const {
    const auto n = static_cast<double>(step);
    const double step_size = options_.learning_rate / (1 - std::pow(options_.beta1, n));
    const double second_correction = 1 / std::sqrt(1 - std::pow(options_.beta2, n));
    return {static_cast<T>(options_.beta1), static_cast<T>(options_.beta2),
            static_cast<T>(options_.epsilon), static_cast<T>(step_size),
            static_cast<T>(second_correction)};
  }

  const AdamOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> MakeSgd(const SgdOptions& options) {
  return std::make_unique<SgdRule>(options);
}
std::unique_ptr<UpdateRule> MakeAdam(const AdamOptions& options) {
  return std::make_unique<AdamRule>(options);
}

}  // namespace eta::tensor
