// Named lets that are loops: the procedure is only ever called in tail position of its own body, so
// its parameters can live in registers of the enclosing procedure and a call is a jump.
#pragma once

#include "vm/ast.h"

namespace eta {

// `call` itself, or the loop that does the same. The lambda's variables move to the enclosing
// procedure, and inner procedures no longer capture the name.
Node* FindLoop(Ast& ast, Node* call);

// Whether that operand of `node` is in tail position when the node itself is.
bool KeepsTail(const Node* node, size_t operand);

}  // namespace eta
