#include "parallel/core/bucket_plan.h"

#include <algorithm>

#include "base/check.h"

namespace eta::parallel {
namespace {

// Whether the gradient at `place` may join the bucket, of which it is the neighbour.
bool Fits(const Bucket& bucket, const GradientPlace& place, size_t most) {
  return bucket.segment == place.segment && bucket.end - place.begin <= most;
}

// From the last gradient to the first one.
std::vector<Bucket> Cut(std::span<const GradientPlace> places, const BucketSizes& sizes) {
  std::vector<Bucket> buckets;
  size_t most = 0;  // of the last bucket
  for (size_t i = places.size(); i-- > 0;) {
    const GradientPlace& place = places[i];
    if (buckets.empty() || !Fits(buckets.back(), place, most)) {
      const bool ends_segment = buckets.empty() || buckets.back().segment != place.segment;
      most = ends_segment ? sizes.first : sizes.cap;
      buckets.push_back({.segment = place.segment, .end = place.end, .gradients = {}});
    }
    buckets.back().begin = place.begin;
    buckets.back().gradients.push_back(i);
  }
  return buckets;
}

}  // namespace

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
  std::vector<Bucket> buckets = Cut(places, sizes);
  std::stable_sort(buckets.begin(), buckets.end(),
                   [&](const Bucket& a, const Bucket& b) { return complete(a) < complete(b); });
  return buckets;
}

}  // namespace eta::parallel
