// Collectives of several buffers, and of parts of any sizes: NCCL's own where there is one and they
// are equal, else one group of an operation for each part.
//
// `counts` has one entry for each communicator, equal on all of them; `own` is the number of
// `comm`.
#pragma once

#include <cstddef>
#include <span>

#include "parallel/core/nccl/comm.h"

namespace eta::parallel::nccl {

// All get the reductions of the buffers, in place, by one launch.
Status AllReduceAll(Comm& comm, std::span<const Buffer> buffers, ReduceOp op, Stream stream);

// Reduces `whole`, all parts one after the other; each communicator gets its part in `out`, which
// may be that part of `whole`.
Status ReduceScatterParts(Comm& comm, int own, const void* whole, void* out,
                          std::span<const size_t> counts, DType dtype, ReduceOp op, Stream stream);

// All get the parts one after the other in `whole`, of which `part` may be its own part.
Status AllGatherParts(Comm& comm, int own, const void* part, void* whole,
                      std::span<const size_t> counts, DType dtype, Stream stream);

// Each communicator gets its part of everybody's `whole`, one after the other in `out`, by the
// number of whose it was.
Status AllToAllParts(Comm& comm, int own, const void* whole, void* out,
                     std::span<const size_t> counts, DType dtype, Stream stream);

}  // namespace eta::parallel::nccl
