// The builtins of std.parallel by which a program looks at its run: parallel-stats, replica-device,
// on-interrupt.
#pragma once

#include "vm/vm.h"

namespace eta::parallel {

// Gives the Vm an Insight of its own if it has none.
void InstallInsightNatives(Vm& vm);

}  // namespace eta::parallel
