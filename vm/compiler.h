// Compiler: core forms -> a procedure. The analyzer, emitter and verifier in one call.
#pragma once

#include <span>
#include <string>

#include "vm/datum.h"
#include "vm/module.h"
#include "vm/value.h"

namespace eta {

class Vm;

// A closure of no arguments that runs `forms` in `module`, called `name` in traces. Unrooted.
// `is_builtin`: its procedures print and fail as builtins do.
Result<Value> CompileTopLevel(Vm& vm, const std::string& name, std::span<const Datum* const> forms,
                              const Module& module, bool is_builtin = false);

}  // namespace eta
