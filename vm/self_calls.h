// Procedures that call themselves in tail position: such a call is a jump back to their start.
#pragma once

#include <functional>

#include "vm/ast.h"

namespace eta {

// Rewrites the self tail calls of all named procedures in `top`: those bound by letrec to a
// variable that is never assigned, and those that define a top-level variable of which
// `is_constant` says that it keeps its first value. The body of such a procedure becomes a loop
// over its own parameters.
void FindSelfCalls(Ast& ast, LambdaNode* top, const std::function<bool(Name)>& is_constant);

// A loop that FindSelfCalls made: its variables are parameters, so it has no inits.
inline bool IsEntryLoop(const Node* node) {
  return node->kind == Node::Kind::kLoop && node->operands.size() != node->variables.size() + 1;
}

}  // namespace eta
