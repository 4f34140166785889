// Which MPI launcher has started this process, as its environment tells.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "parallel/core/status.h"

namespace eta::parallel {

enum class MpiKind { kOpenMpi, kMpich };

// Looks up a variable of the environment; null: it is not set.
using Environment = std::function<const char*(const char* name)>;

// What ETA_MPI says (openmpi, mpich or off), or else what launchers set:
//
//   OMPI_COMM_WORLD_SIZE   mpirun of Open MPI
//   PMI_RANK               mpiexec of MPICH; srun --mpi=pmi2
//   PMIX_RANK              srun --mpi=pmix, with Open MPI
//
// The first of these counts. Nothing: the process is on its own. Error: ETA_MPI is none of these.
Result<std::optional<MpiKind>> LauncherOf(const Environment& environment);

}  // namespace eta::parallel
