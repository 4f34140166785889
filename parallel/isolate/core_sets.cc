#include "parallel/isolate/core_sets.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

CoreSet UsableHere() {
  cpu_set_t mask;
  CoreSet cores;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

// By number. The kernel's names are node0, node1 and so on.
std::map<int, CoreSet> NodesBelow(const fs::path& folder) {
  std::map<int, CoreSet> nodes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    int number = 0;
    const char* const end = name.data() + name.size();
    if (!name.starts_with("node")) continue;
    if (const auto parsed = std::from_chars(name.data() + 4, end, number);
        parsed.ec != std::errc() || parsed.ptr != end) {
      continue;
    }
    std::ifstream in(entry.path() / "cpulist");
    std::string text;
    std::getline(in, text);
    nodes[number] = ParseCores(text);
  }
  return nodes;
}

}  // namespace

CoreSet ParseCores(const std::string& text) {
  CoreSet cores;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    int first = 0, last = 0;
    const int read = std::sscanf(part.c_str(), "%d-%d", &first, &last);
    for (int core = first; read > 0 && core <= (read == 1 ? first : last); ++core) {
      cores.push_back(core);
    }
  }
  return cores;
}

std::vector<CoreSet> UsableCoresByNode(const fs::path& nodes) {
  CoreSet rest = UsableHere();
  std::vector<CoreSet> usable;
  for (const auto& [number, cores] : NodesBelow(nodes)) {
    CoreSet here;
    for (int core : cores) {
      if (std::erase(rest, core) > 0) here.push_back(core);
    }
    if (!here.empty()) usable.push_back(std::move(here));
  }
  if (!rest.empty()) usable.push_back(std::move(rest));
  return usable;
}

std::vector<CoreSet> ShareCores(std::span<const CoreSet> nodes, int replicas) {
  CoreSet all;
  for (const CoreSet& node : nodes) all.insert(all.end(), node.begin(), node.end());
  const size_t count = all.size(), sets = static_cast<size_t>(replicas);
  if (count < sets) return {};
  std::vector<CoreSet> shares;
  for (size_t r = 0; r < sets; ++r) {
    shares.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(r * count / sets),
                        all.begin() + static_cast<std::ptrdiff_t>((r + 1) * count / sets));
  }
  return shares;
}

bool PinThread(const CoreSet& cores) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (int core : cores) CPU_SET(core, &mask);
  return sched_setaffinity(0, sizeof(mask), &mask) == 0;
}

}  // namespace eta::parallel
