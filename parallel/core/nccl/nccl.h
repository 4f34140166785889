// The backend between GPUs: NCCL, one rank per GPU. Where ETA_NCCL_PATH names the library it also
// serves ranks on the CPU, with whatever library that is.
//
// The ranks meet on the board before each collective, so that a desync or a missing rank is found
// before NCCL is called. On a GPU collectives then run in order on a stream of the communicator's
// own, beside what the caller's stream goes on with. Errors that NCCL reports later are seen when
// the rank starts or awaits a collective; they end the world. What blocks a rank in NCCL is aborted
// by the world's abort thread, and by nobody else as long as a rank may be in it.
//
// On the CPU a rank is in NCCL's call until the collective is done. Results go to the caller's
// buffer once all ranks have theirs.
#pragma once

#include <memory>
#include <string>

#include "parallel/core/backends.h"

namespace eta::parallel {

Status NcclServes(const Places& places);
Result<std::unique_ptr<Communicator>> MakeNccl(Board& board, int rank, const Places& places);
std::string NcclNotice(const Places& places);
std::string AboutNccl(const Places& places);

}  // namespace eta::parallel
