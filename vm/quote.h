// Quoted data as values.
#pragma once

#include "vm/datum.h"
#include "vm/value.h"

namespace eta {

class Vm;

// The value that `datum` denotes under quote. Unrooted. Nesting may be of any depth.
Value DatumToValue(Vm& vm, const Datum* datum);

}  // namespace eta
