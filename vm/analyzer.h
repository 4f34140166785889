// Analyzer: core forms -> Ast. Resolves names to locals and globals, finds which variables are
// captured and assigned, and recognizes the named lets that are plain loops.
#pragma once

#include <functional>
#include <span>

#include "vm/ast.h"

namespace eta {

class Vm;

// The procedure of no arguments that runs `forms` in order, called `name` in traces. Errors: a name
// that nothing binds (with the nearest one that is bound), an assignment to what is read-only,
// forms nested too deeply.
Result<LambdaNode*> Analyze(Vm& vm, Ast& ast, const std::string& name,
                            std::span<const Datum* const> forms, const Module& module);

}  // namespace eta
