// Values as text.
#pragma once

#include <string>

#include "vm/native.h"

namespace eta {

class Vm;

// Appends the text of `value` to `*out`. Cyclic data is written with datum labels, as
// #0=(a b . #0#), at the places that close a cycle and only there; nesting may be of any depth.
void Print(Vm& vm, Value value, PrintMode mode, std::string* out);

// The same as a string.
std::string ToText(Vm& vm, Value value, PrintMode mode);

}  // namespace eta
