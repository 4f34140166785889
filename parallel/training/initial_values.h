// How the parameters and buffers of all ranks become those of one.
//
// Thread safety: the isolate's thread.
#pragma once

#include <string>

#include "parallel/training/meeting.h"

namespace eta::parallel {

// After a Meet at which every rank opened its StepMemory, of which `own` is this rank's: copies the
// initial values of rank `from`, and parts. False: the world is over, and that is pending.
bool TakeInitialValues(Meeting& meeting, int from, const StepMemory& own, const std::string& site);

}  // namespace eta::parallel
