// The backend for ranks of one process that share GPUs: those on one GPU form a group, whose first
// rank leads. A collective brings the group's buffers together on its GPU, in the order of the
// ranks; the leaders go on over NCCL where there are several GPUs; and each rank gets the result.
//
// The ranks meet on the board before each collective, so that a desync or a missing rank is found
// before anything is enqueued. Then the leaders enqueue all of it, and the others wait for that,
// but nobody for the devices. What waits for what is said by one event for each rank: first it
// marks the point of the rank's stream from which on its buffers are the collective's, then the
// point of the leader's stream from which on they are the rank's again.
//
// With GPUs that are not shared it does what the nccl backend does, and with one GPU it needs no
// NCCL.
#pragma once

#include <memory>
#include <string>

#include "parallel/core/backends.h"

namespace eta::parallel {

Status GpuGroupsServe(const Places& places);
Result<std::unique_ptr<Communicator>> MakeGpuGroups(Board& board, int rank, const Places& places);
std::string GpuGroupsNotice(const Places& places);
std::string AboutGpuGroups(const Places& places);

}  // namespace eta::parallel
