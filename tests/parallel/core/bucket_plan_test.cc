#include "parallel/core/bucket_plan.h"

#include <gtest/gtest.h>

#include <numeric>

namespace eta::parallel {
namespace {

constexpr DType kF = DType::kFloat32;
constexpr DType kD = DType::kFloat64;

std::vector<std::vector<size_t>> Items(const Plan& plan) {
  std::vector<std::vector<size_t>> items;
  for (const Bucket& bucket : plan.buckets) items.push_back(bucket.items);
  return items;
}

Plan InOrder(const std::vector<size_t>& counts, const std::vector<DType>& dtypes, size_t cap) {
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  return PlanBuckets(counts, dtypes, order, cap);
}

using Lists = std::vector<std::vector<size_t>>;

TEST(BucketPlanTest, FillsBucketsUpToTheCap) {
  EXPECT_EQ(Items(InOrder({4, 4, 4, 4, 1}, {kF, kF, kF, kF, kF}, 32)),
            (Lists{{0, 1}, {2, 3}, {4}}));
}

TEST(BucketPlanTest, KeepsTheGivenOrder) {
  const std::vector<size_t> counts = {1, 2, 3};
  const std::vector<DType> dtypes(3, kF);
  const std::vector<size_t> order = {2, 1, 0};
  const Plan plan = PlanBuckets(counts, dtypes, order, 1000);
  EXPECT_EQ(Items(plan), (Lists{{2, 1, 0}}));
  EXPECT_EQ(plan.buckets[0].offsets, (std::vector<size_t>{0, 3, 5}));
  EXPECT_EQ(plan.buckets[0].count, 6u);
  EXPECT_EQ(plan.buckets[0].bytes(), 24u);
}

TEST(BucketPlanTest, OneDTypePerBucketInTheOrderOfTheLastTensor) {
  const Plan plan = InOrder({1, 1, 1, 1}, {kD, kF, kF, kD}, 1000);
  EXPECT_EQ(Items(plan), (Lists{{1, 2}, {0, 3}}));
  EXPECT_EQ(plan.buckets[0].dtype, kF);
  EXPECT_EQ(plan.bucket_of, (std::vector<size_t>{1, 0, 0, 1}));
}

TEST(BucketPlanTest, FullBucketsComeBeforeOpenOnes) {
  EXPECT_EQ(Items(InOrder({1, 8, 1}, {kF, kD, kF}, 64)), (Lists{{1}, {0, 2}}));
}

TEST(BucketPlanTest, LargeTensorsTravelAlone) {
  EXPECT_EQ(Items(InOrder({1, 100, 1}, {kF, kF, kF}, 16)), (Lists{{0}, {1}, {2}}));
  EXPECT_EQ(Items(InOrder({1, 1}, {kF, kF}, 0)), (Lists{{0}, {1}}));
}

TEST(BucketPlanTest, EmptyTensorsAndNoTensors) {
  EXPECT_EQ(Items(InOrder({0, 0}, {kF, kF}, 16)), (Lists{{0, 1}}));
  EXPECT_TRUE(InOrder({}, {}, 16).buckets.empty());
}

}  // namespace
}  // namespace eta::parallel
