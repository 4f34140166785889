// Brings in MPI where an MPI launcher has started this process. Programs that run on their own need
// no MPI on their machine.
#pragma once

#include <memory>
#include <string>

#include "parallel/core/mpi/launcher.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

// The transport to the other processes of the job, for which it waits; null: there are none. The
// extension for the launcher's MPI, libeta_openmpi.so or libeta_mpich.so, is one in `folder`. Once
// in a process.
Result<std::unique_ptr<Transport>> ConnectProcesses(const Environment& environment,
                                                    const std::string& folder);

}  // namespace eta::parallel
