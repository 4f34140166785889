// Emitter: Ast -> bytecode.
//
// Registers hold parameters first, then local variables and temporaries, as a stack. A variable
// that is both captured and assigned lives in a box. Operands are used from the registers of
// variables that are never assigned; everything else is computed into fresh registers, left to
// right.
#pragma once

#include "vm/ast.h"
#include "vm/code.h"

namespace eta {

class Vm;

// The code of `lambda` and all procedures in it. Unrooted. Error: a limit of the instruction
// format.
Result<CodeObject*> EmitProcedure(Vm& vm, const LambdaNode& lambda, bool is_builtin);

}  // namespace eta
