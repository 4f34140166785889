#include "parallel/core/bucket_plan.h"

#include <gtest/gtest.h>

#include <numeric>

namespace eta::parallel {
namespace {

using Order = std::vector<size_t>;
using Places = std::vector<GradientPlace>;

// Gradients of so many bytes, by segment.
Places LaidOut(const std::vector<std::vector<size_t>>& segments) {
  Places places;
  for (size_t s = 0; s < segments.size(); ++s) {
    size_t at = 0;
    for (size_t bytes : segments[s]) {
      places.push_back({s, at, at + bytes});
      at += bytes;
    }
  }
  return places;
}

Order LastFirst(size_t count) {
  Order order(count);
  std::iota(order.rbegin(), order.rend(), size_t{0});
  return order;
}

std::vector<Order> Gradients(const std::vector<Bucket>& buckets) {
  std::vector<Order> all;
  for (const Bucket& bucket : buckets) all.push_back(bucket.gradients);
  return all;
}

std::vector<Order> Plan(const Places& places, const BucketSizes& sizes) {
  return Gradients(PlanBuckets(places, LastFirst(places.size()), sizes));
}

TEST(BucketPlanTest, FillsBucketsFromTheEnd) {
  EXPECT_EQ(Plan(LaidOut({{8, 8, 8, 8, 8}}), {.first = 16, .cap = 16}),
            (std::vector<Order>{{4, 3}, {2, 1}, {0}}));
}

TEST(BucketPlanTest, TheBucketAtTheEndIsSmaller) {
  EXPECT_EQ(Plan(LaidOut({{8, 8, 8, 8, 8}}), {.first = 8, .cap = 24}),
            (std::vector<Order>{{4}, {3, 2, 1}, {0}}));
}

TEST(BucketPlanTest, BucketsArePiecesOfTheirSegments) {
  const Places places = LaidOut({{8, 8}, {16}});
  EXPECT_EQ(PlanBuckets(places, LastFirst(3), {.first = 64, .cap = 64}),
            (std::vector<Bucket>{{{{1, 0, 16}}, {2}}, {{{0, 0, 16}}, {1, 0}}}));
}

TEST(BucketPlanTest, GradientsWithSegmentsOfTheirOwnShareBuckets) {
  const Places places = LaidOut({{8}, {8}, {8}, {8, 8}, {30}, {8}, {8}});
  const std::vector<Bucket> buckets =
      PlanBuckets(places, LastFirst(places.size()), {.first = 16, .cap = 20});
  EXPECT_EQ(Gradients(buckets), (std::vector<Order>{{7, 6}, {5}, {4, 3}, {2, 1}, {0}}));
  EXPECT_EQ(buckets[0].pieces, (Places{{6, 0, 8}, {5, 0, 8}}));
  EXPECT_EQ(buckets[0].bytes(), 16u);
}

TEST(BucketPlanTest, ABucketHasOneDType) {
  Places places = LaidOut({{8}, {8}, {8}});
  places[1].dtype = DType::kFloat32;
  EXPECT_EQ(Plan(places, {.first = 64, .cap = 64}), (std::vector<Order>{{2}, {1}, {0}}));
}

TEST(BucketPlanTest, LargeGradientsTravelAlone) {
  EXPECT_EQ(Plan(LaidOut({{8, 100, 8}}), {.first = 16, .cap = 16}),
            (std::vector<Order>{{2}, {1}, {0}}));
}

TEST(BucketPlanTest, ComeAsTheyAreComplete) {
  const Places places = LaidOut({{8, 8}, {16}, {16}});
  const Order order = {1, 3, 0, 2};
  EXPECT_EQ(Gradients(PlanBuckets(places, order, {.first = 16, .cap = 16})),
            (std::vector<Order>{{3}, {1, 0}, {2}}));
}

TEST(BucketPlanTest, NoGradients) { EXPECT_TRUE(PlanBuckets({}, {}).empty()); }

}  // namespace
}  // namespace eta::parallel
