// JSON (RFC 8259): objects are hash maps with strings as keys, arrays vectors, null ().
#pragma once

#include <string>
#include <string_view>

#include "base/expected.h"
#include "vm/native.h"

namespace eta {

class Vm;

// Parses all of `text` as one value, of any depth. Failure: an error of builtin `name` is pending,
// runtime.json-error when the text is malformed. Numbers are floats; with `exact_integers`, those
// without fraction and exponent that fit are integers. Unrooted. REQUIRES: `text` stays valid.
Value ReadJson(Vm& vm, std::string_view name, std::string_view text, bool exact_integers);

// The text of a value, of any depth, without blanks; keys in the order of their bytes. Error: why
// there is none.
Expected<std::string, std::string> JsonText(Value value);

}  // namespace eta
