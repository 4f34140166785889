#include "vm/heap_limit.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>

namespace eta {
namespace {

size_t MachineBytes() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// The limit of the control group, version 2 or 1; the largest size where there is none ("max").
size_t ControlGroupBytes() {
  size_t limit = SIZE_MAX;
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    size_t bytes;
    if (std::ifstream(path) >> bytes) limit = std::min(limit, bytes);
  }
  return limit;
}

}  // namespace

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
  return std::min(MachineBytes(), ControlGroupBytes()) / 4 * 3 / vm_count;
}

}  // namespace eta
