#include "torch/clipping.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/mul.h>

#include <algorithm>
#include <cmath>

#include "base/vectorized.h"

namespace eta::tensor {
namespace {

constexpr int64_t kBlock = 1024;  // elements whose limited gradients lie on the stack

// Independent sums, so that the loop vectorises and rounds less.
template <class T>
[[gnu::always_inline]] inline double AddSquares(const T* values, int64_t count) {
  constexpr int64_t kLanes = 32;
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) {
      const double x = values[i + k];
      sums[k] += x * x;
    }
  }
  for (; i < count; ++i) sums[i % kLanes] += static_cast<double>(values[i]) * values[i];
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

ETA_VECTORIZED double SumOfSquares(const float* values, int64_t count) {
  return AddSquares(values, count);
}
ETA_VECTORIZED double SumOfSquares(const double* values, int64_t count) {
  return AddSquares(values, count);
}

template <class T>
[[gnu::always_inline]] inline void LimitAll(const T* gradient, int64_t count,
                                            const GradientLimits& limits, T* limited) {
  const auto scale = static_cast<T>(limits.scale);
  const auto value = static_cast<T>(limits.value);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T scaled = gradient[i] * scale, from_below = scaled < -value ? -value : scaled;
    limited[i] = from_below > value ? value : from_below;  // a NaN stays one
  }
}

ETA_VECTORIZED void Limit(const float* gradient, int64_t count, const GradientLimits& limits,
                          float* limited) {
  LimitAll(gradient, count, limits, limited);
}
ETA_VECTORIZED void Limit(const double* gradient, int64_t count, const GradientLimits& limits,
                          double* limited) {
  LimitAll(gradient, count, limits, limited);
}

}  // namespace

GradientLimits LimitsFor(const Clipping& clipping, double squares, double factor) {
  constexpr double kTiny = 1e-6;
  GradientLimits limits{.scale = 1 / factor, .value = clipping.value};
  if (clipping.by_norm()) {
    const double norm = std::sqrt(squares) / factor;
    limits.scale = std::min(clipping.norm / (norm + kTiny), 1.0) / factor;  // a NaN stays one
  }
  return limits;
}

double SumOfSquares(const Tensor& gradient, int64_t begin, int64_t count) {
  if (gradient.is_cpu() && gradient.scalar_type() == at::kFloat) {
    return SumOfSquares(gradient.const_data_ptr<float>() + begin, count);
  }
  if (gradient.is_cpu() && gradient.scalar_type() == at::kDouble) {
    return SumOfSquares(gradient.const_data_ptr<double>() + begin, count);
  }
  const at::NoGradGuard no_grad;
  return gradient.narrow(0, begin, count).to(at::kDouble).square().sum().item().toDouble();
}

namespace {

template <class T>
UpdateMemory<T> MemoryOf(const UpdateTensors& tensors, int64_t begin, int64_t count) {
  UpdateMemory<T> memory{};
  memory.parameter = static_cast<T*>(tensors.parameter.data_ptr()) + begin;
  memory.gradient = static_cast<const T*>(tensors.gradient.const_data_ptr()) + begin;
  for (int i = 0; i < kMaxStates; ++i) {
    const Tensor& state = tensors.state[i];
    if (state.defined()) memory.state[i] = static_cast<T*>(state.data_ptr()) + begin;
  }
  memory.count = count;
  return memory;
}

UpdateTensors Narrow(const UpdateTensors& tensors, int64_t begin, int64_t count) {
  UpdateTensors part{tensors.parameter.narrow(0, begin, count),
                     tensors.gradient.narrow(0, begin, count)};
  for (int i = 0; i < kMaxStates; ++i) {
    if (tensors.state[i].defined()) part.state[i] = tensors.state[i].narrow(0, begin, count);
  }
  return part;
}

template <class T>
void ApplyLimited(const UpdateRule& rule, const UpdateMemory<T>& memory, const UpdateStep& step,
                  const GradientLimits& limits) {
  alignas(64) T limited[kBlock];
  UpdateMemory<T> part = memory;
  for (int64_t done = 0; done < memory.count; done += part.count) {
    part.count = std::min(kBlock, memory.count - done);
    Limit(memory.gradient + done, part.count, limits, limited);
    part.parameter = memory.parameter + done;
    part.gradient = limited;
    for (int k = 0; k < kMaxStates; ++k) {
      if (memory.state[k] != nullptr) part.state[k] = memory.state[k] + done;
    }
    rule.Apply(part, step);
  }
}

void ApplyLimited(const UpdateRule& rule, const UpdateTensors& tensors, const UpdateStep& step,
                  const GradientLimits& limits) {
  const at::NoGradGuard no_grad;
  UpdateTensors limited = tensors;
  limited.gradient = at::mul(tensors.gradient, limits.scale);
  if (limits.value != Clipping::kNone) limited.gradient.clamp_(-limits.value, limits.value);
  rule.Apply(limited, step);
}

template <class Elements>
void Apply(const UpdateRule& rule, const Elements& elements, const UpdateStep& step,
           const GradientLimits& limits) {
  limits.any() ? ApplyLimited(rule, elements, step, limits) : rule.Apply(elements, step);
}

}  // namespace

void UpdateWithin(const GradientLimits& limits, const UpdateRule& rule,
                  const UpdateTensors& tensors, int64_t begin, int64_t count,
                  const UpdateStep& step) {
  const Tensor& parameter = tensors.parameter;
  if (parameter.is_cpu() && parameter.scalar_type() == at::kFloat) {
    Apply(rule, MemoryOf<float>(tensors, begin, count), step, limits);
  } else if (parameter.is_cpu() && parameter.scalar_type() == at::kDouble) {
    Apply(rule, MemoryOf<double>(tensors, begin, count), step, limits);
  } else {
    Apply(rule, Narrow(tensors, begin, count), step, limits);
  }
}

}  // namespace eta::tensor
