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

TEST(OwnRowsTest, DoesNotOverflow) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(OwnRows(kMost, 0, 256).begin, 0);
  EXPECT_EQ(OwnRows(kMost, 255, 256).end, kMost);
}

}  // namespace
}  // namespace eta
