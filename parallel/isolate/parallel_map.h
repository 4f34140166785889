// (parallel-map f xs): like map, on as many threads as the program may use. Each has an isolate of
// its own, with a copy of f.
#pragma once

#include "vm/vm.h"

namespace eta::parallel {

// Defines parallel/parallel-map.
void InstallParallelMap(Vm& vm);

}  // namespace eta::parallel
