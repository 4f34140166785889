#include "vm/heap_limit.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

namespace eta {
namespace {

class ControlGroupTest : public testing::Test {
 protected:
  ControlGroupTest() : root_(fs::path(testing::TempDir()) / "groups") { fs::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  size_t Limit() const { return ControlGroupBytes(root_ / "self", root_); }

  const fs::path root_;
};

TEST_F(ControlGroupTest, NoGroupLimitsNothing) {
  EXPECT_EQ(Limit(), SIZE_MAX);
  Write("self", "0::/");
  EXPECT_EQ(Limit(), SIZE_MAX);
  Write("memory.max", "max");
  EXPECT_EQ(Limit(), SIZE_MAX);
}

TEST_F(ControlGroupTest, TheSmallestOfThoseAroundTheProcessCounts) {
  Write("self", "0::/user/shell");
  Write("user/memory.max", "3000");
  Write("user/shell/memory.max", "5000");
  EXPECT_EQ(Limit(), 3000u);
  Write("user/shell/memory.max", "2000");
  EXPECT_EQ(Limit(), 2000u);
  Write("memory.max", "1000");
  EXPECT_EQ(Limit(), 1000u);
}

TEST_F(ControlGroupTest, VersionOneHasAHierarchyForMemory) {
  Write("self", "5:cpu:/fast\n4:blkio,memory:/jobs/7");
  Write("fast/memory.max", "1");
  Write("memory/jobs/memory.limit_in_bytes", "7000");
  EXPECT_EQ(Limit(), 7000u);
}

// From inside, the path is that of the machine, but the root is the container's group.
TEST_F(ControlGroupTest, AContainerSeesItsGroupAsTheRoot) {
  Write("self", "4:memory:/docker/0123");
  Write("memory/memory.limit_in_bytes", "4000");
  EXPECT_EQ(Limit(), 4000u);
}

}  // namespace
}  // namespace eta
