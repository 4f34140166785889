// What the ranks exchange in a training step where they cannot reach each other's memory: each has
// its communicator do it, and then updates all of its parameters by itself. Every rank ends with
// the same bits, as collectives give the same bits to all.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstddef>
#include <span>

#include "parallel/core/communicator.h"
#include "parallel/core/phase_log.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Where the first of this rank's addends is that is not finite, for which `rank` is to blame. Each
// segment has `shards` of them, which are on the CPU.
Nonfinite FindNonfiniteAddend(std::span<const SegmentMemory> segments, size_t shards, int rank);

// With whom tensors are exchanged, and from where.
struct Exchange {
  const ExchangePlace& place;
  Communicator& communicator;
  Site site;
  PhaseLog& log;
};

// Waits for the last collectives of an exchange. On a device a rank sees their end by itself, so
// the ranks meet then: none goes on, and perhaps ends the world, while another has yet to see it.
Status Complete(std::span<Work> works, const Exchange& exchange);

// Multiplies the elements, which are one after the other at `place`.
void Weigh(const at::Tensor& tensor, double weight, const ExchangePlace& place);

// Such tensors, times this rank's weight, become the sums over all ranks. Each is noted in the log.
// Not ok: the world is over. Throws what libtorch throws.
Status SumTensors(std::span<const at::Tensor> tensors, double weight, const Exchange& exchange);

// The buffers get the contents of those of rank `root`. Not ok: the world is over.
Status CopyFrom(int root, std::span<const Buffer> buffers, Communicator& communicator, Site site);

}  // namespace eta::parallel
