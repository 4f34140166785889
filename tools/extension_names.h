// The names of the tensor extension's builtins: a program that uses one of them loads it.
#pragma once

#include <span>
#include <string_view>

namespace eta {

// Sorted; generated from the extension when the program is built.
std::span<const std::string_view> ExtensionNames();

}  // namespace eta
