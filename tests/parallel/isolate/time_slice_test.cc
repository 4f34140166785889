#include "parallel/isolate/time_slice.h"

#include <gtest/gtest.h>

#include <thread>

namespace eta::parallel {
namespace {

TEST(TimeSliceTest, IsLongInAScope) {
  const auto usual = TimeSlice();
  if (usual.count() == 0) GTEST_SKIP() << "this kernel has one time slice for all";
  std::thread([usual] {
    {
      const LongTimeSlice slice;
      EXPECT_EQ(TimeSlice(), kLongTimeSlice);
    }
    EXPECT_EQ(TimeSlice(), usual);
  }).join();
  EXPECT_EQ(TimeSlice(), usual);
}

}  // namespace
}  // namespace eta::parallel
