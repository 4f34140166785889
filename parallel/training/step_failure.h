// What the ways have in common in which replicas go on after a training step has failed on some of
// them and not on others.
//
// Thread safety: the isolate's thread.
#pragma once

#include <string>

#include "parallel/training/replica_training.h"
#include "vm/vm.h"

namespace eta::parallel {

// Forgets the error that is pending. A rank that has failed itself shows it, with the consequence
// behind it, as a warning of its own. REQUIRES: all ranks know from training.records who failed.
void TakeFailure(Vm& vm, ReplicaTraining& training, const std::string& consequence);

// The end of a step that all ranks pass over: its loss is NaN, or the program ends if `signal` asks
// for that.
Value PassOver(Vm& vm, int signal);

}  // namespace eta::parallel
