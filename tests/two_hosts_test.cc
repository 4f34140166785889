// etai on two machines, which are namespaces of this one, with a link between them that is slow and
// loses packets, or is cut; see tests/cluster/two_hosts. Skipped where there can be no namespaces.
#include <gtest/gtest.h>

#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

constexpr int kSkipped = 77;

struct Link {
  const char* what;  // is done
  const char* launcher;
};

class TwoHostsTest : public testing::TestWithParam<Link> {};

TEST_P(TwoHostsTest, ShowsWhatItIsToShow) {
  const auto [what, launcher] = GetParam();
  const Outcome outcome =
      RunCommand(std::string("tests/cluster/two_hosts ./etai ") + what + " --launcher " + launcher);
  if (outcome.status == kSkipped) GTEST_SKIP() << outcome.output;
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
}

INSTANTIATE_TEST_SUITE_P(Links, TwoHostsTest,
                         testing::Values(Link{"train", "openmpi"}, Link{"train", "mpich"},
                                         Link{"train", "torchrun"}, Link{"cut", "openmpi"},
                                         Link{"cut", "mpich"}, Link{"cut", "torchrun"}),
                         [](const auto& info) {
                           return std::string(info.param.what) + '_' + info.param.launcher;
                         });

}  // namespace
}  // namespace eta
