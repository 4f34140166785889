#include "parallel/training/nonfinite.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <vector>

#include "parallel/training/dtypes.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {
namespace {

bool AllFinite(const at::Tensor& tensor) {
  if (!tensor.is_cpu() || !tensor.is_contiguous()) {
    return at::isfinite(tensor).all().item<bool>();
  }
  const Buffer buffer = BufferOf(tensor);
  const auto* bytes = static_cast<const std::byte*>(buffer.data);
  return FindNonfinite(buffer.dtype, bytes, buffer.count) == buffer.count;
}

Nonfinite FindHere(std::span<const at::Tensor> sums) {
  for (size_t s = 0; s < sums.size(); ++s) {
    const Buffer buffer = BufferOf(sums[s]);
    const auto* bytes = static_cast<const std::byte*>(buffer.data);
    const size_t at = FindNonfinite(buffer.dtype, bytes, buffer.count);
    if (at < buffer.count) return {true, s, at, -1};
  }
  return {};
}

// One wait if all is well.
Nonfinite FindOnDevice(std::span<const at::Tensor> sums) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> finite;  // by segment
  for (const at::Tensor& sum : sums) finite.push_back(at::isfinite(sum).all());
  if (finite.empty() || at::stack(finite).all().item<bool>()) return {};
  size_t s = 0;
  while (finite[s].item<bool>()) ++s;
  const at::Tensor wrong = at::isfinite(sums[s]).logical_not();
  return {true, s, static_cast<size_t>(at::argmax(wrong.to(at::kByte)).item<int64_t>()), -1};
}

}  // namespace

std::string DescribeNonfiniteLoss(double denominator, int rank) {
  if (denominator == 0) return "the batch has no rows that count in the loss";
  const std::string whose = rank < 0 ? "" : " of rank " + std::to_string(rank);
  return "the loss" + whose + " is not finite";
}

// Whole segments first: there are few.
std::string FindNonfiniteGradient(const tensor::Optimizer& optimizer,
                                  const tensor::ArenaRegistry& arenas) {
  const auto& segments = optimizer.segments();
  const bool all_finite = std::all_of(segments.begin(), segments.end(), [](const auto& segment) {
    return AllFinite(segment.tensors.gradient);
  });
  if (all_finite) return "";
  for (const auto& [name, parameter] : optimizer.parameters()) {
    const at::Tensor gradient = tensor::VisibleGradient(arenas, parameter);
    if (gradient.defined() && !AllFinite(gradient)) return name;
  }
  return "";
}

Nonfinite FindNonfiniteSum(std::span<const at::Tensor> sums, const ExchangePlace& place) {
  return place.on_host() ? FindHere(sums) : FindOnDevice(sums);
}

}  // namespace eta::parallel
