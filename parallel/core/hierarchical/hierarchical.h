// The backend for ranks on CPUs in several processes. Within a process the ranks share memory: they
// put together what their process has to say; one of them, the leader, exchanges that with the
// other processes, once for all; and all take what came out.
//
// Sums go over the ranks of a process in their order, and then over the processes in theirs. The
// result is therefore the same to the bit on all ranks and in each run.
#pragma once

#include <memory>

#include "parallel/core/backends.h"

namespace eta::parallel {

Status HierarchicalServes(const Places& places);
Result<std::unique_ptr<Communicator>> MakeHierarchical(Board& board, int rank,
                                                       const Places& places);

}  // namespace eta::parallel
