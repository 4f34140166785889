// Ties this process to the others of its job, where a launcher has started it. Programs that run on
// their own need neither MPI nor libtorch for that.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "parallel/core/job/launcher.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

// The transport to the other processes of the job, for which it waits, under torchrun for at most
// `patience`; null: there are none. What it needs of the launcher's world it finds in an extension
// in `folder`: libeta_openmpi.so, libeta_mpich.so or libeta_tcpstore.so. Once in a process.
Result<std::unique_ptr<Transport>> ConnectProcesses(const Environment& environment,
                                                    const std::string& folder,
                                                    std::chrono::nanoseconds patience);

}  // namespace eta::parallel
