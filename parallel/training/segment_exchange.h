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

// Where the first gradient is that is not finite, for which `rank` is to blame.
Nonfinite FindNonfinite(std::span<const SegmentMemory> segments, int rank);
// The same of this rank's addends, of which there are `shards`.
Nonfinite FindNonfiniteAddend(std::span<const SegmentMemory> segments, size_t shards, int rank);

// Multiplies the gradients.
void Weigh(const SegmentMemory& segment, double weight);

// The gradients, times this rank's weight, become the sums over all ranks. Each segment is noted in
// `log`. Not ok: the world is over.
Status SumGradients(std::span<const SegmentMemory> segments, double weight,
                    Communicator& communicator, Site site, PhaseLog& log);

// The gradients become the weighted sums of the addends of all ranks, in the order of the ranks and
// of their shards. `weights` has one entry for each addend. Otherwise like SumGradients, but every
// rank gets all addends of the others.
Status SumAddends(std::span<const SegmentMemory> segments, std::span<const double> weights,
                  Communicator& communicator, Site site, PhaseLog& log);

// The same of tensors with one axis, wherever they are. Throws what libtorch throws.
Status SumTensors(std::span<const at::Tensor> tensors, double weight, const ExchangePlace& place,
                  Communicator& communicator, Site site);

// The buffers get the contents of those of rank `root`. Not ok: the world is over.
Status CopyFrom(int root, std::span<const Buffer> buffers, Communicator& communicator, Site site);

}  // namespace eta::parallel
