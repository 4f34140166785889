#include "torch/data/epoch_order.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace eta::tensor {
namespace {

TEST(EpochOrderTest, VisitsEachRowOnce) {
  for (int64_t rows : {0, 1, 2, 7, 1000}) {
    std::vector<int64_t> order = ShuffledOrder(rows, 42, 3);
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, PlainOrder(rows));
  }
}

TEST(EpochOrderTest, DependsOnSeedAndEpochAlone) {
  EXPECT_EQ(ShuffledOrder(100, 7, 2), ShuffledOrder(100, 7, 2));
  EXPECT_NE(ShuffledOrder(100, 7, 2), ShuffledOrder(100, 7, 3));
  EXPECT_NE(ShuffledOrder(100, 7, 2), ShuffledOrder(100, 8, 2));
  EXPECT_NE(ShuffledOrder(100, 7, 3), ShuffledOrder(100, 8, 2));
}

// A change here changes the course of every seeded training.
TEST(EpochOrderTest, StaysTheSameForever) {
  EXPECT_EQ(ShuffledOrder(8, 0, 0), (std::vector<int64_t>{7, 1, 0, 6, 3, 2, 4, 5}));
}

TEST(EpochOrderTest, IsUniform) {
  // 6 orders of 3 rows, 1000 times each on average; the deviation of one count is 29.
  std::vector<int> counts(27);
  for (uint64_t epoch = 0; epoch < 6000; ++epoch) {
    const auto order = ShuffledOrder(3, 1, epoch);
    ++counts[order[0] * 9 + order[1] * 3 + order[2]];
  }
  for (int code : {5, 7, 11, 15, 19, 21}) EXPECT_NEAR(counts[code], 1000, 150) << code;
}

}  // namespace
}  // namespace eta::tensor
