// Gradients on their way while the backward pass goes on: over the nccl backend with a fake NCCL
// and devices that are threads.
#include "parallel/training/gradient_reducer.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "parallel/core/bucket_probe.h"
#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/ranks.h"
#include "tests/support/plain_parameters.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using tensor::kLargeCount;
using tensor::PlainParameters;
using tensor::Tensor;

WorldOptions GpuWorld(int ranks) {
  WorldOptions options = TestWorld(ranks);
  options.backend = "nccl";
  options.device_ops = MakeHostDeviceOps();
  for (int r = 0; r < ranks; ++r) {
    options.devices[r] = {Device::Kind::kCuda, static_cast<int16_t>(r)};
  }
  return options;
}

// One rank's replica, whose gradients are on a device.
class Replica {
 public:
  Replica(Member& member, const std::vector<int64_t>& sizes)
      : parameters(std::make_shared<PlainParameters>(sizes)),
        optimizer(parameters, tensor::MakeSgd({}), std::make_shared<tensor::ArenaRegistry>(),
                  {.learning_rate = 0.1}),
        member_(member) {
    optimizer.Prepare();
    buckets.LayOut(optimizer, news);
  }

  GradientReducer Reducer(double weight) {
    optimizer.ZeroGradients();
    return GradientReducer({.optimizer = optimizer,
                            .buckets = buckets,
                            .communicator = member_.communicator(),
                            .weight = weight,
                            .site = "a.eta:1:1",
                            .log = member_.log(),
                            .place = place_});
  }

  std::shared_ptr<PlainParameters> parameters;
  tensor::Optimizer optimizer;
  std::shared_ptr<GradientNews> news = std::make_shared<GradientNews>();
  GradientBuckets buckets;

 private:
  Member& member_;
  const ExchangePlace place_{{Device::Kind::kCuda, static_cast<int16_t>(member_.rank())},
                             std::make_shared<HostStream>()};
};

// So large that it has a bucket to itself at the least cap.
constexpr int64_t kOwnBucket = 5 * kLargeCount;

// p2 and p1 have their gradients at once, p0 only after a while.
Tensor LossWithAPause(const PlainParameters& p) {
  const Tensor late = p[0] * 2;
  late.register_hook([](const Tensor&) { std::this_thread::sleep_for(milliseconds(20)); });
  return (late.sum() + p[1].sum()) * p[2].sum();
}

TEST(GradientReducerTest, SumsTravelBesideTheRestOfThePass) {
  const FakeNccl nccl("delay=0:15000 delay=1:15000");
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    Replica replica(member, {kOwnBucket, kOwnBucket, kOwnBucket});
    replica.buckets.SetCap(kLeastBucketCap);
    for (int pass = 0; pass < 2; ++pass) {
      GradientReducer reducer = replica.Reducer(0.5);
      {
        const PhaseScope computing(&member.log(), Phase::kBackward);
        const Listening listening(*replica.news, reducer);
        LossWithAPause(*replica.parameters).backward();
      }
      reducer.LaunchRest();
      ASSERT_TRUE(reducer.Wait().ok());
      EXPECT_EQ(reducer.ready().back(), 0u);
      replica.buckets.Learn(reducer.ready());
    }
    EXPECT_GE(member.log().hidden_ns(), 10'000'000);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// Rank r's gradients are r + 1 times some number; large and small parameters.
TEST(GradientReducerTest, SumsAreWeighted) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    Replica replica(member, {5, kLargeCount, 7});
    const double factor = member.rank() + 1;
    GradientReducer reducer = replica.Reducer(0.25);
    {
      const Listening listening(*replica.news, reducer);
      const PlainParameters& p = *replica.parameters;
      ((p[0].sum() + p[1].sum() * 2 + p[2].sum() * 4) * factor).backward();
    }
    reducer.LaunchRest();
    ASSERT_TRUE(reducer.Wait().ok());
    EXPECT_EQ(replica.optimizer.TakeGradients(), tensor::Optimizer::Mask(3, 1));
    for (size_t i = 0; i < 3; ++i) {
      const Tensor gradient = (*replica.parameters)[i].grad();
      EXPECT_EQ(gradient.min().item<double>(), 0.75 * (1 << i)) << i;
      EXPECT_EQ(gradient.max().item<double>(), 0.75 * (1 << i)) << i;
    }
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// One rank has no loss at all, the other none for p0: nobody waits, and what is missing is zero.
TEST(GradientReducerTest, GradientsThatNobodyWroteAreZero) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    Replica replica(member, {kLargeCount, kLargeCount, 3});
    GradientReducer reducer = replica.Reducer(1);
    if (member.rank() == 1) {
      const Listening listening(*replica.news, reducer);
      ((*replica.parameters)[1].sum() + (*replica.parameters)[2].sum()).backward();
    }
    reducer.LaunchRest();
    ASSERT_TRUE(reducer.Wait().ok());
    const auto& segments = replica.optimizer.segments();
    std::vector<double> sums;
    for (const auto& segment : segments)
      sums.push_back(segment.tensors.gradient.sum().item<double>());
    std::sort(sums.begin(), sums.end());
    EXPECT_EQ(sums, (std::vector<double>{0, 3, kLargeCount}));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(GradientReducerTest, WhatHasLeftIsNotWrittenAgain) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    Replica replica(member, {kLargeCount, kLargeCount});
    GradientReducer reducer = replica.Reducer(1);
    {
      const Listening listening(*replica.news, reducer);
      (*replica.parameters)[1].sum().backward();
      EXPECT_THROW((*replica.parameters)[1].sum().backward(), c10::Error);
    }
    reducer.LaunchRest();
    EXPECT_TRUE(reducer.Wait().ok());
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(GradientReducerTest, AFailureOfNcclEndsIt) {
  const FakeNccl nccl("fail=1:1:2");
  std::unique_ptr<Replica> replicas[2];  // what was enqueued may still run when a rank leaves
  const World::Outcome outcome = RunRanks(GpuWorld(2), [&](Member& member) {
    auto& replica = replicas[member.rank()];
    replica = std::make_unique<Replica>(
        member, std::vector<int64_t>{kLargeCount, kLargeCount, kLargeCount});
    GradientReducer reducer = replica->Reducer(1);
    reducer.LaunchRest();
    EXPECT_EQ(reducer.Wait(), member.world().board().reason());
  });
  EXPECT_EQ(outcome.status.rank, 1);
}

TEST(GradientBucketsTest, LearnTheOrderOfTheFirstRank) {
  const auto parameters =
      std::make_shared<PlainParameters>(std::vector<int64_t>{kOwnBucket, kOwnBucket, kOwnBucket});
  tensor::Optimizer optimizer(parameters, tensor::MakeSgd({}),
                              std::make_shared<tensor::ArenaRegistry>(), {.learning_rate = 0.1});
  optimizer.Prepare();
  GradientBuckets buckets;
  buckets.SetCap(kLeastBucketCap);
  buckets.LayOut(optimizer, std::make_shared<GradientNews>());
  const auto order = [&] {
    std::vector<size_t> all;
    for (const Bucket& bucket : buckets.buckets()) all.push_back(bucket.gradients[0]);
    return all;
  };
  EXPECT_EQ(order(), (std::vector<size_t>{2, 1, 0}));
  buckets.Learn({});
  EXPECT_FALSE(buckets.learned());
  const uint32_t ready[] = {1, 2};
  buckets.Learn(ready);
  EXPECT_EQ(order(), (std::vector<size_t>{1, 2, 0}));
  EXPECT_EQ(buckets.BucketOf(1), 0u);
  const uint32_t later[] = {0, 1, 2};
  buckets.Learn(later);
  EXPECT_EQ(order(), (std::vector<size_t>{1, 2, 0}));
}

// Each has a buffer of its own, and they leave in one call.
TEST(GradientBucketsTest, LargeGradientsShareABucket) {
  const FakeNccl nccl("fail=1:3:2");  // there are three all-reduces in it
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    Replica replica(member, {kLargeCount, kLargeCount, kLargeCount});
    ASSERT_EQ(replica.buckets.buckets().size(), 1u);
    EXPECT_EQ(replica.buckets.buckets()[0].pieces.size(), 3u);
    GradientReducer reducer = replica.Reducer(0.5);
    {
      const Listening listening(*replica.news, reducer);
      const PlainParameters& p = *replica.parameters;
      (p[0].sum() + p[1].sum() * 2 + p[2].sum() * 4).backward();
    }
    reducer.LaunchRest();
    ASSERT_TRUE(reducer.Wait().ok());
    for (size_t i = 0; i < 3; ++i) {
      const Tensor gradient = (*replica.parameters)[i].grad();
      EXPECT_EQ(gradient.min().item<double>(), 1 << i);
      EXPECT_EQ(gradient.max().item<double>(), 1 << i);
    }
    size_t collectives = 0;
    for (const PhaseRecord& record : member.log().Last(100)) {
      collectives += record.beside && record.bytes == 3 * kLargeCount * sizeof(double);
    }
    EXPECT_EQ(collectives, 1u);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// Parameters of 128 KB each, 4 MB in all.
TEST(GradientBucketsTest, MayHaveAnotherCap) {
  const auto parameters = std::make_shared<PlainParameters>(std::vector<int64_t>(32, 16384));
  tensor::Optimizer optimizer(parameters, tensor::MakeSgd({}),
                              std::make_shared<tensor::ArenaRegistry>(), {.learning_rate = 0.1});
  optimizer.Prepare();
  const auto news = std::make_shared<GradientNews>();
  GradientBuckets buckets;
  EXPECT_FALSE(buckets.DependOnCap());
  buckets.LayOut(optimizer, news);
  EXPECT_TRUE(buckets.DependOnCap());
  EXPECT_EQ(buckets.buckets().size(), 2u);
  buckets.SetCap(size_t{1} << 20);
  EXPECT_EQ(buckets.buckets().size(), 4u);
  buckets.LayOut(optimizer, news);
  EXPECT_EQ(buckets.buckets().size(), 4u);
  const uint32_t ready[] = {3};
  buckets.Learn(ready);
  EXPECT_EQ(buckets.buckets().size(), 4u);
  size_t gradients = 0;
  for (const Bucket& bucket : buckets.buckets()) gradients += bucket.gradients.size();
  EXPECT_EQ(gradients, 32u);
}

}  // namespace
}  // namespace eta::parallel
