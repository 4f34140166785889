// How the ranks of a world come to their communicators: rank 0 makes the id, the board hands it
// round, and nobody goes on before all are connected.
#pragma once

#include <memory>

#include "parallel/core/board.h"
#include "parallel/core/device_ops.h"
#include "parallel/core/nccl/comm.h"
#include "parallel/core/nccl/library.h"

namespace eta::parallel::nccl {

// All ranks call it at the same time. `seat`: this rank's, among `size` communicators; null: it has
// none, and gets none. `ops` may be null if the devices are CPUs. Not ok: the world is over.
Result<std::unique_ptr<Comm>> ConnectRanks(const Library& library, DeviceOps* ops, Board& board,
                                           int rank, int size, const Seat* seat);

}  // namespace eta::parallel::nccl
