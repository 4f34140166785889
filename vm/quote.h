// Quoted data as values.
#pragma once

#include "vm/datum.h"
#include "vm/value.h"

namespace eta {

class Vm;

// The value that `datum` denotes under quote. Unrooted. Nesting may be of any depth.
Value DatumToValue(Vm& vm, const Datum* datum);

// The other way, for eval: pairs and vectors as data, all of it standing at `span`. What source
// text cannot spell becomes a kObject, which is valid as long as `value` is reachable. Null: the
// value is larger than any program, or goes round in circles.
const Datum* ValueToDatum(Value value, SourceSpan span, DatumArena& arena);

}  // namespace eta
