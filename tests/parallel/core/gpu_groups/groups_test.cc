#include "parallel/core/gpu_groups/groups.h"

#include <gtest/gtest.h>

namespace eta::parallel::gpu_groups {
namespace {

std::vector<Device> Gpus(const std::vector<int>& indices) {
  std::vector<Device> devices;
  for (const int index : indices) {
    devices.push_back({Device::Kind::kCuda, static_cast<int16_t>(index)});
  }
  return devices;
}

TEST(GpuGroupsTest, AreOfNeighboursOnOneDevice) {
  const auto groups = Groups::Of(Gpus({3, 3, 1, 0, 0, 0}));
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->count(), 3);
  EXPECT_EQ((*groups)[0].end, 2);
  EXPECT_EQ((*groups)[1].first, 2);
  EXPECT_EQ((*groups)[2].size(), 3);
  std::vector<int> indices;
  for (int rank = 0; rank < 6; ++rank) indices.push_back(groups->IndexOf(rank));
  EXPECT_EQ(indices, (std::vector<int>{0, 0, 1, 2, 2, 2}));
  const size_t counts[] = {1, 2, 4, 8, 16, 32};
  EXPECT_EQ(groups->CountsOf(counts), (std::vector<size_t>{3, 4, 56}));
}

TEST(GpuGroupsTest, RanksOfOneDeviceThatAreApartAreNone) {
  EXPECT_FALSE(Groups::Of(Gpus({0, 1, 0})));
}

}  // namespace
}  // namespace eta::parallel::gpu_groups
