// Exception objects: what was raised, so that it can be raised again as it was.
#pragma once

#include "vm/vm.h"

namespace eta {

// Unrooted.
Value NewException(Vm& vm, Vm::Pending pending);

// What was raised; null when `v` is no exception object. Valid as long as `v` is reachable.
const Vm::Pending* ExceptionIn(Value v);

}  // namespace eta
