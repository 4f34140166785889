// How many processor cores this process may use.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace eta::parallel {

// By the affinity mask and the quotas of the control groups; at least 1.
int UsableCores();

// The share of `replicas` that run at the same time; at least 1.
int CoresPerReplica(int replicas);

// The processor quota, in cores, of a control group and those above it. `root` is where the control
// groups' file system is mounted and `groups` the text of /proc/self/cgroup. Null: no quota.
std::optional<double> ControlGroupCores(const std::filesystem::path& root,
                                        const std::string& groups);

}  // namespace eta::parallel
