#include "bench/parallel/cpp_loop.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>

namespace eta {
namespace {

constexpr int64_t kInputs = 64, kClasses = 10;
constexpr double kRate = 0.01, kMomentum = 0.9;

std::vector<int64_t> Widths(const Shape& shape) {
  std::vector<int64_t> widths = {kInputs};
  widths.insert(widths.end(), static_cast<size_t>(shape.layers), shape.hidden);
  widths.push_back(kClasses);
  return widths;
}

int64_t CountParameters(const std::vector<int64_t>& widths) {
  int64_t count = 0;
  for (size_t i = 1; i < widths.size(); ++i) count += (widths[i - 1] + 1) * widths[i];
  return count;
}

}  // namespace

CppLoop::CppLoop(const Shape& shape) {
  const std::vector<int64_t> widths = Widths(shape);
  const int64_t count = CountParameters(widths);
  parameters_ = at::randn({count}).mul_(0.1);
  gradients_ = at::zeros({count});
  momentum_ = at::zeros({count});
  int64_t used = 0;
  for (size_t i = 1; i < widths.size(); ++i) {
    const at::Tensor weight = Parameter({widths[i], widths[i - 1]}, &used);
    layers_.push_back({weight, Parameter({widths[i]}, &used)});
  }
  input_ = at::randn({shape.batch, kInputs});
  target_ = at::randn({shape.batch, kClasses}).argmax(1);
}

at::Tensor CppLoop::Parameter(at::IntArrayRef shape, int64_t* used) {
  const int64_t count = c10::multiply_integers(shape);
  at::Tensor parameter = parameters_.narrow(0, *used, count).view(shape).detach();
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = gradients_.narrow(0, *used, count).view(shape);
  *used += count;
  return parameter;
}

double CppLoop::Step() {
  gradients_.zero_();
  at::Tensor x = input_;
  for (const Layer& layer : layers_) {
    if (&layer != &layers_.front()) x = at::relu(x);
    x = at::linear(x, layer.weight, layer.bias);
  }
  const at::Tensor loss = at::cross_entropy_loss(x, target_);
  loss.backward();
  const at::NoGradGuard no_grad;
  momentum_.mul_(kMomentum).add_(gradients_);
  parameters_.add_(momentum_, -kRate);
  return loss.item<double>();
}

}  // namespace eta
