#include "parallel/isolate/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

// A file system of control groups.
class CoresTest : public testing::Test {
 protected:
  CoresTest() : root_(fs::path(testing::TempDir()) / "cores_test") { fs::remove_all(root_); }
  ~CoresTest() override { fs::remove_all(root_); }

  void Write(const fs::path& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }
  std::optional<double> Cores(const std::string& groups) {
    return ControlGroupCores(root_, groups);
  }

  const fs::path root_;
};

TEST_F(CoresTest, NoQuota) {
  EXPECT_EQ(Cores(""), std::nullopt);
  Write("cpu.max", "max 100000");
  Write("a/cpu.max", "max 100000");
  EXPECT_EQ(Cores("0::/a\n"), std::nullopt);
  Write("cpu/cpu.cfs_quota_us", "-1");
  Write("cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(Cores("4:cpu:/\n"), std::nullopt);
}

TEST_F(CoresTest, TheSmallestQuotaOfTheGroupsAboveCounts) {
  Write("cpu.max", "max 100000");
  Write("a/cpu.max", "150000 100000");
  Write("a/b/cpu.max", "400000 100000");
  EXPECT_EQ(Cores("0::/a/b\n"), 1.5);
  EXPECT_EQ(Cores("0::/a\n"), 1.5);
  EXPECT_EQ(Cores("0::/\n"), std::nullopt);
}

TEST_F(CoresTest, TheRootsQuotaCountsInAContainer) {
  Write("cpu.max", "200000 100000");
  EXPECT_EQ(Cores("0::/a/group/of/the/host\n"), 2);
}

TEST_F(CoresTest, VersionOneHierarchies) {
  Write("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000");
  Write("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000");
  EXPECT_EQ(Cores("7:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n"), 0.5);
}

TEST_F(CoresTest, WhatIsNoGroupIsPassedOver) {
  Write("cpu.max", "nonsense");
  EXPECT_EQ(Cores("nonsense\n0:\n::\n0::\n"), std::nullopt);
}

TEST(UsableCoresTest, FollowTheAffinityMask) {
  std::thread([] {
    cpu_set_t all, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
    EXPECT_LE(UsableCores(), CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(UsableCores(), 1);
  }).join();
}

TEST(UsableCoresTest, EveryReplicaHasAtLeastOne) {
  EXPECT_EQ(CoresPerReplica(1), UsableCores());
  EXPECT_EQ(CoresPerReplica(1000000), 1);
}

}  // namespace
}  // namespace eta::parallel
