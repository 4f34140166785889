// What the ranks exchange in a training step where they cannot reach each other's memory: each has
// its communicator do it, and then updates all of its parameters by itself. Every rank ends with
// the same bits, as collectives give the same bits to all.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstddef>
#include <span>

#include "parallel/core/communicator.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Where the first element is that is not finite, for which `rank` is to blame.
Nonfinite FindNonfinite(std::span<const SegmentMemory> segments, int rank);

// Multiplies the gradients.
void Weigh(std::span<const SegmentMemory> segments, double weight);

// The gradients become the sums over all ranks. Not ok: the world is over.
Status SumGradients(std::span<const SegmentMemory> segments, Communicator& communicator, Site site);

// The memory gets rank 0's contents. Not ok: the world is over.
Status CopyFromFirst(std::span<const std::span<std::byte>> memory, Communicator& communicator,
                     Site site);

}  // namespace eta::parallel
