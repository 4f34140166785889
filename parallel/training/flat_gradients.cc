#include "parallel/training/flat_gradients.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "parallel/training/dtypes.h"

namespace eta::parallel {

using tensor::NamedParameter;
using tensor::Tensor;

FlatGradients::FlatGradients(const tensor::Module& model, const tensor::ArenaRegistry& arenas)
    : arenas_(arenas), parameters_(model.Parameters()) {
  for (const NamedParameter& parameter : parameters_) {
    mask_.push_back(tensor::VisibleGradient(arenas_, parameter.tensor).defined());
  }
}

bool FlatGradients::HasAny() const {
  return std::any_of(mask_.begin(), mask_.end(), [](uint8_t has) { return has != 0; });
}

std::string FlatGradients::Structure() const {
  std::string text;
  for (const NamedParameter& parameter : parameters_) text += Describe(parameter) + '\n';
  return text;
}

void FlatGradients::Gather(const tensor::Optimizer::Mask& mask) {
  at::NoGradGuard no_grad;
  std::vector<std::pair<at::ScalarType, std::vector<Tensor>>> parts;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!mask[i]) continue;
    const Tensor& parameter = parameters_[i].tensor;
    const Tensor own = tensor::VisibleGradient(arenas_, parameter);
    const Tensor part = own.defined() ? own : at::zeros_like(parameter);
    auto of_dtype = std::find_if(parts.begin(), parts.end(), [&](const auto& entry) {
      return entry.first == parameter.scalar_type();
    });
    if (of_dtype == parts.end()) of_dtype = parts.insert(parts.end(), {part.scalar_type(), {}});
    of_dtype->second.push_back(part.flatten());
  }
  buffers_.clear();
  for (const auto& [dtype, tensors] : parts) buffers_.push_back(at::cat(tensors));
}

std::vector<SegmentMemory> FlatGradients::Memory() const {
  std::vector<SegmentMemory> all;
  for (const Tensor& flat : buffers_) {
    const Buffer buffer = BufferOf(flat);
    all.push_back({.dtype = buffer.dtype,
                   .count = buffer.count,
                   .parameter = nullptr,
                   .gradient = static_cast<std::byte*>(buffer.data),
                   .addends = static_cast<std::byte*>(buffer.data),
                   .sums = static_cast<std::byte*>(buffer.data),
                   .state = {}});
  }
  return all;
}

void FlatGradients::Scatter(const tensor::Optimizer::Mask& mask) const {
  at::NoGradGuard no_grad;
  std::vector<int64_t> positions(buffers_.size(), 0);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!mask[i]) continue;
    const Tensor& parameter = parameters_[i].tensor;
    const auto buffer = std::find_if(buffers_.begin(), buffers_.end(), [&](const Tensor& flat) {
      return flat.scalar_type() == parameter.scalar_type();
    });
    int64_t& position = positions[static_cast<size_t>(buffer - buffers_.begin())];
    const Tensor average = buffer->narrow(0, position, parameter.numel()).view(parameter.sizes());
    position += parameter.numel();
    Tensor& gradient = parameter.mutable_grad();
    if (gradient.defined()) {
      gradient.copy_(average);
    } else {
      gradient = average.clone();
    }
  }
}

}  // namespace eta::parallel
