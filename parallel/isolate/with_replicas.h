// (with-replicas n thunk [option value ...]): runs a procedure on n replicas of this process, from
// inside a program. Each is a fresh isolate with a copy of the procedure; they are the ranks of a
// world of their own.
#pragma once

#include "vm/vm.h"

namespace eta::parallel {

// Defines parallel/with-replicas.
void InstallWithReplicas(Vm& vm);

}  // namespace eta::parallel
