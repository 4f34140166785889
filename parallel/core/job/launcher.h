// What has started this process, as its environment tells.
#pragma once

#include <functional>

#include "parallel/core/status.h"

namespace eta::parallel {

enum class Launcher { kNone, kOpenMpi, kMpich, kTorchrun };

// Looks up a variable of the environment; null: it is not set.
using Environment = std::function<const char*(const char* name)>;

// What ETA_LAUNCHER says (openmpi, mpich, torchrun or off), or else what launchers set:
//
//   TORCHELASTIC_RUN_ID    torchrun, which sets it last where it runs under one of the others
//   OMPI_COMM_WORLD_SIZE   mpirun of Open MPI
//   PMI_RANK               mpiexec of MPICH; srun --mpi=pmi2
//   PMIX_RANK              srun --mpi=pmix, with Open MPI
//   RANK and WORLD_SIZE    those that set torchrun's variables without it, as Kubernetes'
//   PyTorchJob
//
// The first of these counts. kNone: the process is on its own. Error: ETA_LAUNCHER is none of
// these.
Result<Launcher> LauncherOf(const Environment& environment);

}  // namespace eta::parallel
