#include "parallel/core/backends.h"

#include <algorithm>
#include <string>

#include "parallel/core/gpu_groups/gpu_groups.h"
#include "parallel/core/hierarchical/hierarchical.h"
#include "parallel/core/local/local.h"
#include "parallel/core/nccl/nccl.h"
#include "parallel/core/solo/solo.h"

namespace eta::parallel {
namespace {

constexpr Backend kBackends[] = {
    {"solo", SoloServes, MakeSolo, nullptr, nullptr},
    {"local", LocalServes, MakeLocal, nullptr, nullptr},
    {"mpi", HierarchicalServes, MakeHierarchical, nullptr, nullptr},
    {"nccl", NcclServes, MakeNccl, NcclNotice, AboutNccl},
    {"gpu-groups", GpuGroupsServe, MakeGpuGroups, GpuGroupsNotice, AboutGpuGroups},
};

std::string Names() {
  std::string names = "auto";
  for (const Backend& backend : kBackends) names += std::string(", ") + backend.name;
  return names;
}

}  // namespace

std::span<const Backend> Backends() { return kBackends; }

Result<const Backend*> ChooseBackend(std::string_view name, const Places& places) {
  bool known = name == "auto";
  std::string reason;
  for (const Backend& backend : kBackends) {
    if (name != "auto" && name != backend.name) continue;
    known = true;
    const Status serves = backend.serves(places);
    if (serves.ok()) return &backend;
    if (!serves.message.empty()) reason = ": " + serves.message;
  }
  if (!known) {
    return Unexpected(
        Invalid("there is no backend '" + std::string(name) + "'; there are " + Names()));
  }
  return Unexpected(Invalid("backend '" + std::string(name) + "' cannot serve " +
                            std::to_string(places.devices.size()) + " ranks on these devices" +
                            reason));
}

}  // namespace eta::parallel
