// What --on-failure shrink does when a training step fails on some ranks and not on others: these
// end, and the rest go on without them. All pass over that step; from the next batch on the rows
// are dealt to those that stay, who have new numbers, in the same order.
//
// Those that stay have the whole optimizer state before the others go. From there the run is that
// of a smaller world. Rank 0 cannot go: what it writes is the output of the run. What cannot be
// healed (healing.h) ends the run here too.
//
// Thread safety: the isolate's thread.
#pragma once

#include "parallel/training/replica_training.h"
#include "torch/call.h"

namespace eta::parallel {

// JointStep::Run with that. The loss of a step that was passed over is NaN; on a rank that is
// dropped its program exits.
Value TrainAndShrink(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args);

}  // namespace eta::parallel
