// Gradients that travel as bfloat16, for optimizers with 'compress: each rank's numbers are rounded
// once, and added up in their own type, in the order of the ranks. So every rank has the same bits,
// and on every backend the same ones.
//
// Thread safety: the isolate's thread.
#pragma once

#include <span>

#include "parallel/core/communicator.h"
#include "parallel/core/phase_log.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Makes this rank's gradients what they are to the others. Half types stay as they are.
void RoundGradients(std::span<const SegmentMemory> segments, PhaseLog& log);

// As SumAddends of one shard (segment_exchange.h), where only the rounded numbers travel: every
// rank gets those of all others, 2 bytes each. REQUIRES: RoundGradients on all ranks.
Status SumRounded(std::span<const SegmentMemory> segments, std::span<const double> weights,
                  Communicator& communicator, Site site, PhaseLog& log);

}  // namespace eta::parallel
