#include "parallel/isolate/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

int AffinityCores() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) return CPU_COUNT(&mask);
  return static_cast<int>(std::thread::hardware_concurrency());  // more cores than the mask has
}

// "QUOTA PERIOD" of version 2 is one file, of version 1 two. No quota is "max" or negative.
std::optional<double> QuotaOf(const fs::path& group) {
  double quota = 0, period = 0;
  std::ifstream v2(group / "cpu.max");
  const bool found = v2 ? static_cast<bool>(v2 >> quota >> period)
                        : std::ifstream(group / "cpu.cfs_quota_us") >> quota &&
                              std::ifstream(group / "cpu.cfs_period_us") >> period;
  if (!found || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

// One line of /proc/self/cgroup is "ID:CONTROLLERS:/PATH"; version 2 has no controllers. A version
// 1 hierarchy is mounted under the name of its controllers.
std::vector<fs::path> GroupsOf(const fs::path& root, const std::string& groups) {
  std::vector<fs::path> found = {root, root / "cpu"};
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    fs::path group = root / controllers;
    for (const fs::path& part : fs::path(line.substr(second + 2))) {
      found.push_back(group /= part);
    }
  }
  return found;
}

std::string ReadAll(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::optional<double> ControlGroupCores(const fs::path& root, const std::string& groups) {
  std::optional<double> least;
  for (const fs::path& group : GroupsOf(root, groups)) {
    const std::optional<double> quota = QuotaOf(group);
    if (quota && (!least || *quota < *least)) least = quota;
  }
  return least;
}

int UsableCores() {
  int cores = AffinityCores();
  if (auto quota = ControlGroupCores("/sys/fs/cgroup", ReadAll("/proc/self/cgroup"))) {
    cores = std::min(cores, static_cast<int>(std::lround(std::ceil(*quota))));
  }
  return std::max(cores, 1);
}

int CoresPerReplica(int replicas) { return std::max(1, UsableCores() / replicas); }

}  // namespace eta::parallel
