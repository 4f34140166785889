#include "parallel/core/backends.h"

#include <algorithm>
#include <string>

#include "parallel/core/local/local.h"
#include "parallel/core/solo/solo.h"

namespace eta::parallel {
namespace {

constexpr Backend kBackends[] = {
    {"solo", SoloAvailable, MakeSolo},
    {"local", LocalAvailable, MakeLocal},
};

std::string Names() {
  std::string names = "auto";
  for (const Backend& backend : kBackends) names += std::string(", ") + backend.name;
  return names;
}

}  // namespace

std::span<const Backend> Backends() { return kBackends; }

Result<const Backend*> ChooseBackend(std::string_view name, std::span<const Device> devices) {
  bool known = name == "auto";
  for (const Backend& backend : kBackends) {
    if (name != "auto" && name != backend.name) continue;
    known = true;
    if (backend.available(devices)) return &backend;
  }
  if (!known) {
    return Unexpected(
        Invalid("there is no backend '" + std::string(name) + "'; there are " + Names()));
  }
  return Unexpected(Invalid("backend '" + std::string(name) + "' cannot serve " +
                            std::to_string(devices.size()) + " ranks on these devices"));
}

}  // namespace eta::parallel
