#include "parallel/core/slice.h"

#include <gtest/gtest.h>

namespace eta::parallel {
namespace {

TEST(SliceTest, SlicesCoverTheBufferInRankOrder) {
  for (size_t element : {1, 2, 4, 8}) {
    for (size_t count : {0, 1, 7, 64, 1000, 4097}) {
      for (int size : {1, 2, 3, 7}) {
        size_t end = 0;
        for (int rank = 0; rank < size; ++rank) {
          const Slice slice = OwnedSlice(count, element, rank, size);
          ASSERT_EQ(slice.begin, end);
          ASSERT_LE(slice.begin, slice.end);
          end = slice.end;
        }
        ASSERT_EQ(end, count);
      }
    }
  }
}

TEST(SliceTest, BordersFallBetweenCacheLines) {
  for (int rank = 1; rank < 3; ++rank) {
    EXPECT_EQ(OwnedSlice(1000, 4, rank, 3).begin % 16, 0u);
    EXPECT_NEAR(static_cast<double>(OwnedSlice(1000, 4, rank, 3).count()), 1000 / 3.0, 16);
  }
}

TEST(SliceTest, OwnersHaveAllSlicesInOrder) {
  for (int slices : {1, 3, 7, 8}) {
    for (int owners = 1; owners <= slices; ++owners) {
      size_t end = 0;
      for (int owner = 0; owner < owners; ++owner) {
        const Slice slice = OwnedSlices(4097, 4, owner, owners, slices);
        ASSERT_EQ(slice.begin, end);
        end = slice.end;
        const int first = FirstSlice(owner, owners, slices);
        ASSERT_EQ(slice.begin, OwnedSlice(4097, 4, first, slices).begin);
        const int has = FirstSlice(owner + 1, owners, slices) - first;
        ASSERT_GE(has, slices / owners);
        ASSERT_LE(has, (slices + owners - 1) / owners);
      }
      ASSERT_EQ(end, 4097u);
    }
  }
}

TEST(SliceTest, PartsFollowEachOther) {
  const size_t counts[] = {3, 0, 5};
  EXPECT_EQ(PartOf(counts, 0).begin, 0u);
  EXPECT_EQ(PartOf(counts, 1).count(), 0u);
  EXPECT_EQ(PartOf(counts, 2).begin, 3u);
  EXPECT_EQ(PartOf(counts, 2).end, 8u);
}

}  // namespace
}  // namespace eta::parallel
