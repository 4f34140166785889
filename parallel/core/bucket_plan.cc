#include "parallel/core/bucket_plan.h"

#include <map>
#include <utility>

#include "base/check.h"

namespace eta::parallel {
namespace {

class Packer {
 public:
  Packer(size_t tensors, size_t cap_bytes) : cap_bytes_(cap_bytes) {
    plan_.bucket_of.resize(tensors);
  }

  void Add(size_t item, size_t count, DType dtype) {
    auto open = open_.try_emplace(dtype, Bucket{dtype}).first;
    Bucket& bucket = open->second;
    const bool fits = bucket.bytes() + count * SizeOf(dtype) <= cap_bytes_;
    if (!bucket.items.empty() && !fits) bucket = Emit(std::move(bucket));
    bucket.items.push_back(item);
    bucket.offsets.push_back(bucket.count);
    bucket.count += count;
    last_[dtype] = sequence_++;
    // A full bucket can be launched at once, so it comes before the ones that are still open.
    if (bucket.bytes() >= cap_bytes_) {
      Emit(std::move(bucket));
      open_.erase(open);
    }
  }

  // The open buckets, in the order in which their last tensors came.
  Plan Finish() {
    std::map<size_t, DType> by_last;
    for (const auto& [dtype, bucket] : open_) by_last[last_[dtype]] = dtype;
    for (const auto& [last, dtype] : by_last) Emit(std::move(open_[dtype]));
    return std::move(plan_);
  }

 private:
  // Returns an empty bucket of the same dtype.
  Bucket Emit(Bucket bucket) {
    const DType dtype = bucket.dtype;
    for (size_t item : bucket.items) plan_.bucket_of[item] = plan_.buckets.size();
    plan_.buckets.push_back(std::move(bucket));
    return Bucket{dtype};
  }

  const size_t cap_bytes_;
  Plan plan_;
  std::map<DType, Bucket> open_;
  std::map<DType, size_t> last_;
  size_t sequence_ = 0;
};

}  // namespace

Plan PlanBuckets(std::span<const size_t> counts, std::span<const DType> dtypes,
                 std::span<const size_t> order, size_t cap_bytes) {
  ETA_CHECK(counts.size() == dtypes.size() && counts.size() == order.size());
  Packer packer(counts.size(), cap_bytes);
  for (size_t item : order) packer.Add(item, counts[item], dtypes[item]);
  return packer.Finish();
}

}  // namespace eta::parallel
