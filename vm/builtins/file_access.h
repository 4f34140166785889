// What the builtins that touch files share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/native.h"

namespace eta {

class Vm;

// The path that the argument `v` of builtin `name` gives; nothing, with a type-error pending, when
// it is not a string or no possible path.
std::optional<std::string> PathArgument(Vm& vm, std::string_view name, Value v);

// Fails with "NAME: reason: PATH: what errno-like `error` means".
Value FileError(Vm& vm, std::string_view name, std::string_view reason, const std::string& path,
                int error);

}  // namespace eta
