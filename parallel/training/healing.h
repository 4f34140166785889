// What --on-failure heal does when a training step fails on some ranks and not on others: these get
// the parameters and buffers of the first rank that is well, and all try the step again, once. If
// it fails again, all pass over it.
//
// Optimizer state needs no healing: an update that has begun cannot fail. Nor is anything healed
// that is not a failure of the computation: exits, ranks that disagree, a world that is over, a
// loss that is not finite, and steps that use the gradients of batches gathered before.
//
// Thread safety: the isolate's thread.
#pragma once

#include "parallel/training/replica_training.h"
#include "torch/call.h"

namespace eta::parallel {

// JointStep::Run with that. The loss of a step that was passed over is NaN.
Value TrainAndHeal(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args);

}  // namespace eta::parallel
