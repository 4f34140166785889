// Compiler: core forms -> a procedure. The analyzer, emitter and verifier in one call.
#pragma once

#include <span>
#include <string>

#include "vm/datum.h"
#include "vm/module.h"
#include "vm/value.h"

namespace eta {

class Vm;

enum class TopLevel {
  kModule,    // stays in traces until its last form is done
  kBuiltins,  // its procedures print and fail as builtins do
  kEval,
};

// A closure of no arguments that runs `forms` in `module`, called `name` in traces. Unrooted.
Result<Value> CompileTopLevel(Vm& vm, TopLevel kind, const std::string& name,
                              std::span<const Datum* const> forms, const Module& module);

}  // namespace eta
