#include "torch/data/batches.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "torch/data/epoch_order.h"

namespace eta::tensor {
namespace {

using Rows = std::vector<int64_t>;

// Its inputs and targets are the numbers of the rows.
Dataset Numbered(int64_t rows) { return *MakeDataset(at::arange(rows), at::arange(rows)); }

Rows Numbers(const Dataset& rows) {
  const int64_t* begin = rows.inputs.const_data_ptr<int64_t>();
  return {begin, begin + rows.rows()};
}

// What one rank sees of an epoch.
std::vector<Rows> Pass(Epoch epoch, int rank = 0, int world_size = 1) {
  std::vector<Rows> batches;
  while (auto batch = epoch.Next(rank, world_size)) batches.push_back(Numbers(batch->own));
  return batches;
}

TEST(BatchesTest, GoesThroughTheRowsInOrder) {
  EXPECT_EQ(Pass(Epoch(Numbered(5), {.batch_size = 2}, 0)),
            (std::vector<Rows>{{0, 1}, {2, 3}, {4}}));
  EXPECT_EQ(Pass(Epoch(Numbered(0), {.batch_size = 2}, 0)), (std::vector<Rows>{}));
}

TEST(BatchesTest, DropsWhatFillsNoBatch) {
  EXPECT_EQ(Pass(Epoch(Numbered(5), {.batch_size = 2, .drop_last = true}, 0)),
            (std::vector<Rows>{{0, 1}, {2, 3}}));
  EXPECT_EQ(Pass(Epoch(Numbered(1), {.batch_size = 2, .drop_last = true}, 0)),
            (std::vector<Rows>{}));
}

TEST(BatchesTest, ShufflesEachEpochAnew) {
  Batches batches(Numbered(20), {.batch_size = 20, .shuffle = true, .seed = 5}, Value::Nil());
  const Rows first = Pass(batches.Start())[0];
  const Rows second = Pass(batches.Start())[0];
  EXPECT_EQ(first, ShuffledOrder(20, 5, 0));
  EXPECT_EQ(second, ShuffledOrder(20, 5, 1));
}

// The ranks' parts of each batch, one after the other, are the batch that one rank alone sees.
TEST(BatchesTest, RanksTogetherSeeTheBatchesOfOne) {
  const BatchOptions options{.batch_size = 6, .shuffle = true, .seed = 9};
  const auto whole = Pass(Epoch(Numbered(20), options, 4));
  ASSERT_EQ(whole.size(), 4u);
  for (int world_size : {2, 3, 4, 7}) {
    std::vector<Rows> joined(whole.size());
    for (int rank = 0; rank < world_size; ++rank) {
      const auto parts = Pass(Epoch(Numbered(20), options, 4), rank, world_size);
      ASSERT_EQ(parts.size(), whole.size());
      for (size_t i = 0; i < parts.size(); ++i)
        std::ranges::copy(parts[i], std::back_inserter(joined[i]));
    }
    EXPECT_EQ(joined, whole) << world_size;
  }
}

TEST(BatchesTest, CountsTheRowsOfAllRanks) {
  Epoch epoch(Numbered(5), {.batch_size = 3}, 0);
  EXPECT_EQ(epoch.Next(1, 2)->rows, 3);
  EXPECT_EQ(epoch.Next(1, 2)->rows, 2);
  EXPECT_FALSE(epoch.Next(1, 2));
}

TEST(BatchesTest, GivesRanksWithoutRowsEmptyBatches) {
  EXPECT_EQ(Pass(Epoch(Numbered(3), {.batch_size = 2}, 0), 2, 3), (std::vector<Rows>{{}, {}}));
}

}  // namespace
}  // namespace eta::tensor
