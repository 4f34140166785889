#include "torch/capture/memory_layout.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace eta::tensor {
namespace {

TEST(MemoryLayoutTest, WhatIsNotNeededTogetherSharesMemory) {
  std::vector<Lifetime> lifetimes = {{0, 1, 100}, {1, 2, 64}, {2, 3, 100}};
  EXPECT_EQ(LayOut(lifetimes), 192);
  EXPECT_EQ(lifetimes[0].offset, 0);
  EXPECT_EQ(lifetimes[1].offset, 128);
  EXPECT_EQ(lifetimes[2].offset, 0);
}

TEST(MemoryLayoutTest, AlignsAsItIsTold) {
  std::vector<Lifetime> lifetimes = {{0, 1, 100}, {1, 2, 64}};
  EXPECT_EQ(LayOut(lifetimes, kDeviceAlignment), 2 * kDeviceAlignment);
  EXPECT_EQ(lifetimes[1].offset % kDeviceAlignment, 0);
}

TEST(MemoryLayoutTest, NothingNeedsNothing) { EXPECT_EQ(LayOut({}), 0); }

TEST(MemoryLayoutTest, NeverOverlapsWhatIsNeededTogether) {
  std::mt19937 random(7);
  auto draw = [&](int n) { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < 300; ++i) {
    const auto first = static_cast<size_t>(draw(100));
    lifetimes.push_back({first, first + static_cast<size_t>(draw(20)), 1 + draw(1000)});
  }
  const int64_t size = LayOut(lifetimes);
  for (const Lifetime& a : lifetimes) {
    EXPECT_EQ(a.offset % kHostAlignment, 0);
    EXPECT_LE(a.offset + a.bytes, size);
    for (const Lifetime& b : lifetimes) {
      if (&a == &b || a.last < b.first || b.last < a.first) continue;
      EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset);
    }
  }
}

// Two activations, their gradients in turn, and a weight's: in the order in which they come, a gap
// would be left.
TEST(MemoryLayoutTest, LeavesNoGapThatAnotherOrderCloses) {
  std::vector<Lifetime> lifetimes = {
      {0, 6, 640}, {1, 3, 640}, {2, 6, 640}, {5, 8, 640}, {7, 8, 1280}};
  EXPECT_EQ(LayOut(lifetimes), 3 * 640);
}

TEST(MemoryLayoutTest, PlacesWhatFitsBesideOthers) {
  Lifetime first{0, 2, 640}, meets{2, 3, 128}, too_large{1, 2, 192}, later{3, 4, 192};
  std::vector<Lifetime*> placed;
  EXPECT_TRUE(PlaceWithin(800, &first, &placed));
  EXPECT_TRUE(PlaceWithin(800, &meets, &placed));
  EXPECT_FALSE(PlaceWithin(800, &too_large, &placed));
  EXPECT_TRUE(PlaceWithin(800, &later, &placed));
  EXPECT_EQ(meets.offset, 640);
  EXPECT_EQ(later.offset, 0);
  EXPECT_EQ(placed.size(), 3U);
}

}  // namespace
}  // namespace eta::tensor
