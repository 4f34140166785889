// The builtins of std.parallel: those that need no tensors, and stand-ins for those that do, so
// that a program which only asks for its rank does not load libtorch.
#pragma once

#include "vm/vm.h"

namespace eta::parallel {

// They work in a program that runs alone as well: it is rank 0 of 1.
void InstallParallelNatives(Vm& vm);

}  // namespace eta::parallel
