#include "parallel/core/bucket_probe.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

constexpr size_t kMega = size_t{1} << 20;

// Of a link that takes so long for anything, and so long for a byte.
size_t CapOf(double fixed_s, double bytes_per_s) {
  const auto time = [&](size_t bytes) {
    return fixed_s + static_cast<double>(bytes) / bytes_per_s;
  };
  return BucketCapFor({time(LinkTimes::kSmallBytes), time(LinkTimes::kLargeBytes)});
}

TEST(BucketCapTest, GrowsWithWhatALinkTakesForAnything) {
  EXPECT_EQ(CapOf(0, 1e9), kLeastBucketCap);
  EXPECT_EQ(CapOf(100e-6, 1e9), kMega);
  EXPECT_EQ(CapOf(200e-6, 1e9), 2 * kMega);
  EXPECT_EQ(CapOf(800e-6, 1e9), 8 * kMega);
  EXPECT_EQ(CapOf(50e-6, 50e9), 32 * kMega);
  EXPECT_EQ(CapOf(1, 1e9), kMostBucketCap);
}

// What a clock says may be anything.
TEST(BucketCapTest, IsWithinBoundsForAnyTimes) {
  EXPECT_EQ(BucketCapFor({0, 0}), kLeastBucketCap);
  EXPECT_EQ(BucketCapFor({0.1, 0.01}), kMostBucketCap);
  EXPECT_EQ(BucketCapFor({1e-9, 10}), kLeastBucketCap);
}

// Caps by rank.
std::vector<size_t> Probe(const std::string& plan) {
  const FakeNccl nccl(plan);
  WorldOptions options = TestWorld(3);
  options.backend = "nccl";
  options.device_ops = MakeHostDeviceOps();
  for (int r = 0; r < 3; ++r) options.devices[r] = {Device::Kind::kCuda, static_cast<int16_t>(r)};
  const std::vector<Device> devices = options.devices;
  std::vector<size_t> caps(3);
  const World::Outcome outcome = RunRanks(std::move(options), [&](Member& member) {
    const auto rank = static_cast<size_t>(member.rank());
    HostStream stream;
    std::vector<double> memory(LinkTimes::kLargeBytes / sizeof(double));
    const auto cap = ProbeBucketCap(
        member, {memory.data(), memory.size(), DType::kFloat64, devices[rank], &stream}, "a");
    if (cap) caps[rank] = *cap;
    EXPECT_TRUE(cap || cap.error() == member.world().board().reason());
  });
  EXPECT_EQ(outcome.status.ok(), caps[0] != 0) << outcome.status.message;
  return caps;
}

// A collective takes 50 ms more than its bytes do, of which 4 MB would have to take 2 s for the
// least cap.
TEST(BucketProbeTest, ASlowStartMakesLargerBuckets) {
  const std::vector<size_t> caps = Probe("delay=1:50000");
  EXPECT_GT(caps[0], kLeastBucketCap);
  EXPECT_EQ(caps, std::vector<size_t>(3, caps[0]));
}

TEST(BucketProbeTest, AllRanksGetTheSameCap) {
  const std::vector<size_t> caps = Probe("");
  EXPECT_GE(caps[0], kLeastBucketCap);
  EXPECT_EQ(caps, std::vector<size_t>(3, caps[0]));
}

TEST(BucketProbeTest, AFailureEndsAll) {
  EXPECT_EQ(Probe("fail=1:5:2"), std::vector<size_t>(3, 0));
}

}  // namespace
}  // namespace eta::parallel
