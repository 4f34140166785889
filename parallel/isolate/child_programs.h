// What a program needs to start others in the same process, with-replicas and parallel-map alike:
// they are given its console, its share of threads and memory, and they end when it has to.
#pragma once

#include <functional>

#include "parallel/core/status.h"
#include "parallel/isolate/host.h"
#include "vm/vm.h"

namespace eta::parallel {

// Starts an error and returns false if `vm` may not start programs, since it is the innermost of
// several. `name`: the procedure that fails.
bool MayStartPrograms(Vm& vm, const char* name);

// The options of each of `count` Vms that `vm` starts, but for the console. Thread safety: any
// thread, as long as `vm` waits.
Vm::Options ChildOptions(const Vm& vm, int count);

// What each of them is prepared with.
HostOptions ChildHost(const Vm& vm, int count);

// Whether `vm`, which waits, has to stop: kAborted, and why. Its error may be pending then.
Status PollParent(Vm& vm);

// Ends the native `name` of `vm` after PollParent has given this status.
Value FailCalledOff(Vm& vm, const char* name, const Status& status);

}  // namespace eta::parallel
