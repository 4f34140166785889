// How each rank comes to have the whole state of an optimizer, of which it holds only the slices
// that it owns while steps go on.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"

namespace eta::parallel {

// Meets the others, unless the state is whole. All ranks call it, for the same optimizer, which is
// known.optimizer and alive, from `site`. False: the operation is over, and an error is pending.
bool GatherState(Meeting& meeting, KnownOptimizer& known, Site site);

// The same for several, by their numbers, which are equal on all ranks.
bool GatherStates(Meeting& meeting, ReplicaTraining& training, std::span<const uint32_t> numbers);

// The same for all that the ranks have in common, which they find out in a meeting of this phase.
// `memory` is what peers see of this rank then, as long as the meeting lasts.
bool GatherAllStates(Meeting& meeting, StepMemory& memory, ReplicaTraining& training,
                     StepRecord::Phase phase);

// The numbers of the optimizers of whose state this rank has its slices only, for
// StepMemory::sliced.
std::vector<uint32_t> SlicedHere(ReplicaTraining& training);
// Those that are on all ranks: one that is garbage on some rank already is of no use to any.
// REQUIRES: memory may be read.
std::vector<uint32_t> SlicedEverywhere(std::span<const StepRecord> records);

}  // namespace eta::parallel
