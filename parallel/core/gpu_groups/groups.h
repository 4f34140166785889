// Groups: which ranks share a device. Those of one group are neighbours, and its first rank leads.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "parallel/core/buffer.h"

namespace eta::parallel::gpu_groups {

// Thread safety: constant once made.
class Groups {
 public:
  struct Group {
    int first = 0, end = 0;  // ranks

    int size() const { return end - first; }
    bool Has(int rank) const { return first <= rank && rank < end; }
  };

  // `devices`: one per rank. Nothing if ranks of one device are not neighbours.
  static std::optional<Groups> Of(std::span<const Device> devices);

  int count() const { return static_cast<int>(groups_.size()); }
  const Group& operator[](int group) const { return groups_[static_cast<size_t>(group)]; }
  // The group that the rank is in.
  int IndexOf(int rank) const;
  // What the ranks of each group have together, given what each rank has.
  std::vector<size_t> CountsOf(std::span<const size_t> counts) const;

 private:
  std::vector<Group> groups_;
};

}  // namespace eta::parallel::gpu_groups
