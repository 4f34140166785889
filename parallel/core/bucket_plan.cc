#include "parallel/core/bucket_plan.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace eta::parallel {
namespace {

// Whether it is the only gradient in its segment.
bool IsAlone(std::span<const GradientPlace> places, size_t i) {
  const auto shares = [&](size_t other) { return places[other].segment == places[i].segment; };
  return !(i > 0 && shares(i - 1)) && !(i + 1 < places.size() && shares(i + 1));
}

// From the last gradient to the first one.
class Cutter {
 public:
  explicit Cutter(const BucketSizes& sizes) : sizes_(sizes) {}

  void Add(size_t gradient, const GradientPlace& place, bool alone) {
    if (!Fits(place, alone)) Begin(place, alone);
    Bucket& bucket = buckets_.back();
    if (!bucket.pieces.empty() && bucket.pieces.back().segment == place.segment) {
      bucket.pieces.back().begin = place.begin;
    } else {
      bucket.pieces.push_back(place);
    }
    bucket.gradients.push_back(gradient);
  }
  std::vector<Bucket> Take() { return std::move(buckets_); }

 private:
  // Whether it may join the last bucket.
  bool Fits(const GradientPlace& place, bool alone) const {
    return !buckets_.empty() && buckets_.back().bytes() + place.bytes() <= most_ &&
           IsNeighbour(place, alone);
  }
  bool IsNeighbour(const GradientPlace& place, bool alone) const {
    const GradientPlace& last = buckets_.back().pieces.back();
    return last.segment == place.segment || (alone && last_alone_ && last.dtype == place.dtype);
  }

  void Begin(const GradientPlace& place, bool alone) {
    const bool goes_on = !buckets_.empty() && IsNeighbour(place, alone);
    most_ = goes_on ? sizes_.cap : sizes_.first;
    last_alone_ = alone;
    buckets_.emplace_back();
  }

  const BucketSizes sizes_;
  std::vector<Bucket> buckets_;
  size_t most_ = 0;          // of the last bucket
  bool last_alone_ = false;  // its gradients are
};

}  // namespace

size_t Bucket::bytes() const {
  size_t sum = 0;
  for (const GradientPlace& piece : pieces) sum += piece.bytes();
  return sum;
}

std::vector<Bucket> PlanBuckets(std::span<const GradientPlace> places,
                                std::span<const size_t> order, const BucketSizes& sizes) {
  ETA_CHECK(places.size() == order.size());
  std::vector<size_t> position(order.size());
  for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  const auto complete = [&](const Bucket& bucket) {
    size_t last = 0;
    for (size_t gradient : bucket.gradients) last = std::max(last, position[gradient]);
    return last;
  };
  Cutter cutter(sizes);
  for (size_t i = places.size(); i-- > 0;) cutter.Add(i, places[i], IsAlone(places, i));
  std::vector<Bucket> buckets = cutter.Take();
  std::stable_sort(buckets.begin(), buckets.end(),
                   [&](const Bucket& a, const Bucket& b) { return complete(a) < complete(b); });
  return buckets;
}

}  // namespace eta::parallel
