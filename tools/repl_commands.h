// What eta_repl understands besides programs: lines that begin with a colon.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/vm.h"

namespace eta {

// Runs a submission and yields its value; nothing: it failed, and that was said.
using Evaluate = std::function<std::optional<Value>(const std::string& text)>;

// The commands' names, sorted, with their colons.
std::vector<std::string> CommandNames();

// Whether the entry is a command rather than a program.
bool IsCommand(std::string_view entry);

// Runs a command, and prints what it has to say. False: the session ends.
bool RunCommand(Vm& vm, const std::string& entry, const Evaluate& evaluate);

}  // namespace eta
