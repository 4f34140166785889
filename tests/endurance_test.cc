// A moment of what tests/endurance/ is for hours.
#include <gtest/gtest.h>

#include "tests/golden.h"

namespace eta {
namespace {

TEST(EnduranceTest, ReplicasThatPauseAnywhereStayEqual) {
  for (const char* options : {"--replicas 2", "--replicas 3 --dtype float32"}) {
    const Outcome outcome = RunEtai(std::string(options) + " tests/endurance/pauses.eta 2");
    EXPECT_EQ(outcome.status, 0) << options;
    EXPECT_EQ(outcome.errors, "") << options;
    EXPECT_NE(outcome.output.find("replicas are equal"), std::string::npos) << outcome.output;
  }
}

}  // namespace
}  // namespace eta
