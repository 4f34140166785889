#include "parallel/core/bucket_probe.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace eta::parallel {
namespace {

constexpr double kMostOverhead = 0.1;
constexpr int kRuns = 4;  // the first of which does not count

// Of an all-reduce of this much of the memory, at its best.
Result<double> Time(Communicator& communicator, Buffer memory, size_t bytes, Site site) {
  memory.count = bytes / SizeOf(memory.dtype);
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    if (Status s = communicator.Barrier(site).status(); !s.ok()) return Unexpected(s);
    const auto begin = Clock::now();
    Status status = communicator.AllReduce(memory, ReduceOp::kMax, site).Wait(Deadline::max());
    if (!status.ok()) return Unexpected(std::move(status));
    const std::chrono::duration<double> time = Clock::now() - begin;
    if (run > 0) best = std::min(best, time.count());
  }
  return best;
}

}  // namespace

size_t BucketCapFor(const LinkTimes& times) {
  const double small = LinkTimes::kSmallBytes, large = LinkTimes::kLargeBytes;
  const double per_byte = std::max((times.large_s - times.small_s) / (large - small), 1e-15);
  const double fixed = std::max(times.small_s - small * per_byte, 0.0);
  const double wanted = fixed / kMostOverhead / per_byte;
  size_t cap = kLeastBucketCap;
  while (cap < kMostBucketCap && static_cast<double>(cap) < wanted) cap *= 2;
  return cap;
}

Result<size_t> ProbeBucketCap(Member& member, const Buffer& memory, Site site) {
  LinkTimes mine;
  for (const bool small : {true, false}) {
    const size_t bytes = small ? LinkTimes::kSmallBytes : LinkTimes::kLargeBytes;
    const Result<double> time = Time(member.communicator(), memory, bytes, site);
    if (!time) return Unexpected(time.error());
    (small ? mine.small_s : mine.large_s) = *time;
  }
  std::vector<LinkTimes> all(static_cast<size_t>(member.size()));
  Status status = member.Exchange("size of buckets", mine, std::span(all), site);
  if (!status.ok()) return Unexpected(std::move(status));
  return BucketCapFor(all[0]);
}

}  // namespace eta::parallel
