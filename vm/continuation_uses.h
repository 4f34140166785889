// Which continuations and variables need the costlier treatment, found on the analyzed program.
#pragma once

#include <functional>

#include "vm/ast.h"

namespace eta {

// Whether the continuation of a kCallCc is only ever called, and only while the call/cc runs: then
// leaving is all that it does, and nothing of the stack needs to be kept for it. Sees through
// loops, local procedures and the callbacks of builtins that do not keep them.
bool OnlyEscapes(const Node* call_cc);

// Marks the variables that set! changes in a frame which a continuation may have to put back: they
// must not be put back with it. `is_native` tells of a call whether no continuation can be made in
// it. Runs after FindCaptures.
void MarkVariablesAcrossCalls(LambdaNode* top,
                              const std::function<bool(const Node* call)>& is_native);

}  // namespace eta
