// Verifier: proves of a Code that running it cannot leave its registers, constants, captures,
// globals or words. The interpreter relies on that and checks none of it.
#pragma once

#include <optional>
#include <string>

#include "vm/code.h"

namespace eta {

// What is wrong with `code`, with the word's index; nothing when it is fit to run.
std::optional<std::string> Verify(const Code& code, size_t global_count);

}  // namespace eta
