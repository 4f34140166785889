#include "parallel/isolate/core_sets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

TEST(CoreSetsTest, ReadsTheKernelsLists) {
  EXPECT_EQ(ParseCores("0-3,8"), (CoreSet{0, 1, 2, 3, 8}));
  EXPECT_EQ(ParseCores("5"), (CoreSet{5}));
  EXPECT_TRUE(ParseCores("").empty());
}

TEST(CoreSetsTest, SharesNeighboursOut) {
  const std::vector<CoreSet> nodes = {{0, 1, 4, 5}, {2, 3, 6, 7}};
  EXPECT_EQ(ShareCores(nodes, 2), nodes);
  EXPECT_EQ(ShareCores(nodes, 3), (std::vector<CoreSet>{{0, 1}, {4, 5, 2}, {3, 6, 7}}));
  EXPECT_EQ(ShareCores(nodes, 8).size(), 8u);
  EXPECT_TRUE(ShareCores(nodes, 9).empty());
}

TEST(CoreSetsTest, CoresThatMayBeUsedAreGroupedByNode) {
  const std::vector<CoreSet> here = UsableCoresByNode("/no/such/folder");
  ASSERT_EQ(here.size(), 1u);
  const fs::path folder = fs::path(testing::TempDir()) / "nodes";
  fs::create_directories(folder / "node1");
  fs::create_directories(folder / "nodes");
  std::ofstream(folder / "node1" / "cpulist") << here[0].back() << ",100000\n";
  const std::vector<CoreSet> nodes = UsableCoresByNode(folder);
  EXPECT_EQ(nodes[0], (CoreSet{here[0].back()}));
  EXPECT_EQ(nodes.size(), here[0].size() > 1 ? 2u : 1u);
  fs::remove_all(folder);
}

TEST(CoreSetsTest, AThreadIsBound) {
  std::thread([] {
    const CoreSet last = {UsableCoresByNode("").back().back()};
    EXPECT_TRUE(PinThread(last));
    EXPECT_EQ(UsableCoresByNode(""), (std::vector<CoreSet>{last}));
    EXPECT_FALSE(PinThread({}));
  }).join();
}

}  // namespace
}  // namespace eta::parallel
