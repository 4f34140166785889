#include "parallel/core/job/launcher.h"

#include <string>
#include <string_view>

namespace eta::parallel {
namespace {

struct Choice {
  std::string_view name;
  Launcher launcher;
};

constexpr Choice kChoices[] = {{"openmpi", Launcher::kOpenMpi},
                               {"mpich", Launcher::kMpich},
                               {"torchrun", Launcher::kTorchrun},
                               {"off", Launcher::kNone}};

Result<Launcher> Chosen(std::string_view name) {
  for (const Choice& choice : kChoices) {
    if (choice.name == name) return choice.launcher;
  }
  return Unexpected(Invalid("ETA_LAUNCHER is '" + std::string(name) +
                            "'; it may be openmpi, mpich, torchrun or off"));
}

}  // namespace

Result<Launcher> LauncherOf(const Environment& environment) {
  const auto has = [&](const char* name) { return environment(name) != nullptr; };
  const char* const asked = environment("ETA_LAUNCHER");
  if (asked != nullptr && *asked != '\0') return Chosen(asked);
  if (has("TORCHELASTIC_RUN_ID")) return Launcher::kTorchrun;
  if (has("OMPI_COMM_WORLD_SIZE")) return Launcher::kOpenMpi;
  if (has("PMI_RANK")) return Launcher::kMpich;
  if (has("PMIX_RANK")) return Launcher::kOpenMpi;
  return has("RANK") && has("WORLD_SIZE") ? Launcher::kTorchrun : Launcher::kNone;
}

}  // namespace eta::parallel
