#include "parallel/core/silence.h"

#include <gtest/gtest.h>

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SilenceTest, LeavesTimeForWhatFollows) {
  EXPECT_EQ(SilenceLimit(seconds(30)), seconds(28));
  EXPECT_EQ(SilenceLimit(seconds(4)), seconds(2));
}

TEST(SilenceTest, LeavesHalfOfAShortTime) {
  EXPECT_EQ(SilenceLimit(seconds(2)), seconds(1));
  EXPECT_EQ(SilenceLimit(milliseconds(1200)), milliseconds(600));
}

TEST(SilenceTest, AFewHeartbeatsMayBeLate) {
  EXPECT_EQ(SilenceLimit(milliseconds(800)), milliseconds(500));
  EXPECT_EQ(SilenceLimit(milliseconds(300)), milliseconds(300)) << "no longer than the stall time";
}

}  // namespace
}  // namespace eta::parallel
