// How an operation of all ranks ends. If a signal asks the run to end, that is after it; and since
// what on-interrupt was given runs on rank 0 when the others have ended, each rank first hands over
// what only it has, so that rank 0 can save a checkpoint by itself.
//
// Thread safety: the isolate's thread.
#pragma once

#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"
#include "torch/state/checkpoint.h"

namespace eta::parallel {

// To be called by all ranks when the operation that they met for has gone well: `result`; or the
// end of the program, with ReplicaTraining::farewell.
Value EndTogether(const Meeting& meeting, ReplicaTraining& training, Value result);

// Nobody goes on before all have come here well. `memory` is what peers see of this rank then, as
// long as the meeting lasts.
bool MeetToSave(Meeting& meeting, StepMemory& memory);

// The random streams of this rank, and what all ranks have of their own. All ranks call it. False:
// an error is pending.
bool GatherStreams(Meeting& meeting, StepMemory& memory, ReplicaTraining& training,
                   tensor::RunState* run);

}  // namespace eta::parallel
