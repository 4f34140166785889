#include "parallel/core/mpi/launcher.h"

#include <string_view>

namespace eta::parallel {

Result<std::optional<MpiKind>> LauncherOf(const Environment& environment) {
  const char* const asked = environment("ETA_MPI");
  const std::string_view choice = asked == nullptr ? "" : asked;
  if (choice == "off") return std::optional<MpiKind>();
  if (choice == "openmpi") return std::optional(MpiKind::kOpenMpi);
  if (choice == "mpich") return std::optional(MpiKind::kMpich);
  if (!choice.empty()) {
    return Unexpected(
        Invalid("ETA_MPI is '" + std::string(choice) + "'; it may be openmpi, mpich or off"));
  }
  if (environment("OMPI_COMM_WORLD_SIZE") != nullptr) return std::optional(MpiKind::kOpenMpi);
  if (environment("PMI_RANK") != nullptr) return std::optional(MpiKind::kMpich);
  if (environment("PMIX_RANK") != nullptr) return std::optional(MpiKind::kOpenMpi);
  return std::optional<MpiKind>();
}

}  // namespace eta::parallel
