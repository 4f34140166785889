// etai on two machines, which are namespaces of this one, with a link between them that is slow and
// loses packets, or is cut; see tests/cluster/two_hosts. Skipped where there can be no namespaces.
#include <gtest/gtest.h>

#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

constexpr int kSkipped = 77;

// What is done, and what launches the processes.
class TwoHostsTest : public testing::TestWithParam<const char*> {};

TEST_P(TwoHostsTest, ShowsWhatItIsToShow) {
  const Outcome outcome = RunCommand(std::string("tests/cluster/two_hosts ./etai ") + GetParam());
  if (outcome.status == kSkipped) GTEST_SKIP() << outcome.output;
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
}

INSTANTIATE_TEST_SUITE_P(Links, TwoHostsTest,
                         testing::Values("train --launcher mpirun", "train --launcher torchrun",
                                         "cut --launcher mpirun", "cut --launcher torchrun"),
                         [](const auto& info) {
                           const std::string text = info.param;
                           const bool trains = text.starts_with("train");
                           return std::string(trains ? "Train" : "Cut") +
                                  (text.ends_with("mpirun") ? "WithMpirun" : "AsTorchrun");
                         });

}  // namespace
}  // namespace eta
