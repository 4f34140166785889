#include "parallel/core/gpu_groups/groups.h"

#include <algorithm>
#include <numeric>

namespace eta::parallel::gpu_groups {

std::optional<Groups> Groups::Of(std::span<const Device> devices) {
  Groups all;
  for (auto at = devices.begin(); at != devices.end();) {
    if (std::find(devices.begin(), at, *at) != at) return std::nullopt;
    const auto end = std::find_if(at, devices.end(), [&](const Device& d) { return d != *at; });
    all.groups_.push_back(
        {static_cast<int>(at - devices.begin()), static_cast<int>(end - devices.begin())});
    at = end;
  }
  return all;
}

int Groups::IndexOf(int rank) const {
  int group = 0;
  while (!groups_[static_cast<size_t>(group)].Has(rank)) ++group;
  return group;
}

std::vector<size_t> Groups::CountsOf(std::span<const size_t> counts) const {
  std::vector<size_t> sums;
  for (const Group& group : groups_) {
    const auto own =
        counts.subspan(static_cast<size_t>(group.first), static_cast<size_t>(group.size()));
    sums.push_back(std::accumulate(own.begin(), own.end(), size_t{0}));
  }
  return sums;
}

}  // namespace eta::parallel::gpu_groups
