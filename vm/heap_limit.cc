#include "vm/heap_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

namespace eta {
namespace {

size_t MachineBytes() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// The smallest limit of a control group and those around it; the largest size where there is none
// ("max"). `path`: the group within the hierarchy at `root`; seen from a container its own group is
// the root.
size_t GroupBytes(const fs::path& root, const std::string& path, const char* file) {
  size_t limit = SIZE_MAX;
  for (fs::path group = path; true; group = group.parent_path()) {
    size_t bytes;
    if (std::ifstream(root / group.relative_path() / file) >> bytes) limit = std::min(limit, bytes);
    if (group == group.parent_path()) return limit;
  }
}

// What `ulimit -v` leaves, but for a third that stacks, libraries and threads take.
size_t AddressSpaceBytes() {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const size_t taken = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (limit.rlim_cur - std::min<size_t>(limit.rlim_cur, taken)) / 3 * 2;
}

}  // namespace

// Lines of the process's groups are "0::/path" (version 2) and "4:cpu,memory:/path" (version 1).
size_t ControlGroupBytes(const std::string& groups_file, const std::string& root) {
  size_t limit = GroupBytes(root, "/", "memory.max");
  std::ifstream groups(groups_file);
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") limit = std::min(limit, GroupBytes(root, path, "memory.max"));
    if (controllers.find(",memory,") == line.npos) continue;
    limit = std::min(limit, GroupBytes(root + "/memory", path, "memory.limit_in_bytes"));
  }
  return limit;
}

Expected<size_t, std::string> ParseByteSize(const std::string& text) {
  size_t count = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, count);
  int shift = 0;
  if (error == std::errc() && rest + 1 == end) {
    const char suffix = static_cast<char>(*rest & ~0x20);  // upper case
    shift = suffix == 'K' ? 10 : suffix == 'M' ? 20 : suffix == 'G' ? 30 : 0;
    if (shift != 0) ++rest;
  }
  if (error != std::errc() || rest != end || count == 0 || count > SIZE_MAX >> shift) {
    return Unexpected("'" + text + "' is not a size such as 150M");
  }
  return count << shift;
}

Expected<size_t, std::string> HeapLimitBytes(int vm_count) {
  if (const char* text = std::getenv("ETA_HEAP_SOFT_LIMIT")) {
    auto bytes = ParseByteSize(text);
    if (!bytes) return Unexpected("ETA_HEAP_SOFT_LIMIT: " + bytes.error());
    return *bytes / vm_count;
  }
  const size_t group = ControlGroupBytes("/proc/self/cgroup", "/sys/fs/cgroup");
  return std::min({MachineBytes(), group, AddressSpaceBytes()}) / 4 * 3 / vm_count;
}

}  // namespace eta
