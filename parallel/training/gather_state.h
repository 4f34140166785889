// How each rank comes to have the whole state of an optimizer, of which it holds only the slices
// that it owns while steps go on.
//
// Thread safety: the isolate's thread.
#pragma once

#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"

namespace eta::parallel {

// Meets the others, unless the state is whole. All ranks call it, for the same optimizer, which is
// known.optimizer and alive, from `site`. False: the operation is over, and an error is pending.
bool GatherState(Meeting& meeting, KnownOptimizer& known, Site site);

}  // namespace eta::parallel
