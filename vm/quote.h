// Quoted data as values.
#pragma once

#include "vm/datum.h"
#include "vm/value.h"

namespace eta {

class Vm;

// The value that `datum` denotes under quote. Unrooted. Nested deeper than the C++ stack allows
// cannot happen: the analyzer bounds the depth first.
Value DatumToValue(Vm& vm, const Datum* datum);

}  // namespace eta
