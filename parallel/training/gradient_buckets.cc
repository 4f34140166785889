#include "parallel/training/gradient_buckets.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "parallel/core/bucket_probe.h"
#include "parallel/training/dtypes.h"

namespace eta::parallel {
namespace {

std::vector<size_t> LastFirst(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.rbegin(), order.rend(), size_t{0});
  return order;
}

}  // namespace

void GradientBuckets::LayOut(const tensor::Optimizer& optimizer,
                             const std::shared_ptr<GradientNews>& news) {
  const BucketSizes sizes = sizes_;
  *this = {};
  sizes_ = sizes;
  const auto& segments = optimizer.segments();
  for (size_t s = 0; s < segments.size(); ++s) {
    const size_t element = segments[s].tensors.parameter.element_size();
    for (size_t i : segments[s].parameters) {
      const auto place = optimizer.PlaceOf(i);
      const auto& entry = place.arena->entries()[place.index];
      in_memory_.push_back(i);
      places_.push_back({s, static_cast<size_t>(entry.begin - segments[s].begin) * element,
                         static_cast<size_t>(entry.padded_end - segments[s].begin) * element,
                         DTypeOf(segments[s].tensors.parameter.scalar_type())});
      const tensor::Tensor& parameter = optimizer.parameters()[i].tensor;
      indices_.emplace(parameter.unsafeGetTensorImpl(), i);
      Announce(parameter, news);
    }
  }
  PlanLastFirst();
}

void GradientBuckets::SetCap(size_t cap) {
  if (std::exchange(sizes_.cap, cap) != cap) PlanLastFirst();
}

bool GradientBuckets::DependOnCap() const {
  const auto count = [this](size_t cap) {
    return PlanBuckets(places_, LastFirst(places_.size()), {.cap = cap}).size();
  };
  return count(kLeastBucketCap) != count(kMostBucketCap);
}

void GradientBuckets::Learn(std::span<const uint32_t> ready) {
  if (ready.empty() || std::exchange(learned_, true)) return;
  std::vector<size_t> position(in_memory_.size(), ready.size());  // by parameter
  for (size_t i = 0; i < ready.size(); ++i) position[ready[i]] = i;
  std::vector<size_t> order(in_memory_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return position[in_memory_[a]] < position[in_memory_[b]];
  });
  Plan(order);
}

int GradientBuckets::IndexOf(const tensor::Tensor& parameter) const {
  const auto found = indices_.find(parameter.unsafeGetTensorImpl());
  return found == indices_.end() ? -1 : static_cast<int>(found->second);
}

void GradientBuckets::PlanLastFirst() { Plan(LastFirst(places_.size())); }

void GradientBuckets::Plan(std::span<const size_t> order) {
  buckets_ = PlanBuckets(places_, order, sizes_);
  bucket_of_.assign(places_.size(), 0);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    for (size_t& gradient : buckets_[b].gradients) {
      gradient = in_memory_[gradient];
      bucket_of_[gradient] = b;
    }
  }
}

}  // namespace eta::parallel
