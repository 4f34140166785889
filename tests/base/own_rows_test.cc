#include "base/own_rows.h"

#include <gtest/gtest.h>

#include <limits>

namespace eta {
namespace {

TEST(OwnRowsTest, SharesThemOutContiguouslyAndEvenly) {
  for (int64_t rows : {0, 1, 3, 7, 50}) {
    for (int size : {1, 2, 3, 4, 7}) {
      int64_t end = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowRange own = OwnRows(rows, rank, size);
        EXPECT_EQ(own.begin, end);
        EXPECT_EQ(own.count(), rows / size + (rank < rows % size));
        end = own.end;
      }
      EXPECT_EQ(end, rows);
    }
  }
}

TEST(OwnRowsTest, BlocksAreTheSameForAnyNumberOfRanks) {
  for (int64_t rows : {0, 1, 5, 8, 50, 63}) {
    for (int size : {1, 2, 4, 8}) {
      const int blocks = 8 / size;
      for (int rank = 0; rank < size; ++rank) {
        const RowRange own = OwnRows(rows, rank, size, blocks);
        for (int i = 0; i < blocks; ++i) {
          const RowRange expected = OwnRows(rows, rank * blocks + i, 8);
          const RowRange block = OwnRows(own.count(), i, blocks);
          EXPECT_EQ(own.begin + block.begin, expected.begin);
          EXPECT_EQ(own.begin + block.end, expected.end);
        }
      }
    }
  }
}

TEST(OwnRowsTest, DoesNotOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(OwnRows(kMost, 0, 256).begin, 0);
  EXPECT_EQ(OwnRows(kMost, 255, 256).end, kMost);
}

}  // namespace
}  // namespace eta
