// What nodes look like to the emitter.
#pragma once

#include <cstdint>
#include <optional>

#include "vm/ast.h"
#include "vm/primitives.h"

namespace eta {

// The primitive that a call of a builtin comes down to, with as many operands as it takes; or null.
const Primitive* FindPrimitive(const Node* call);
// Whether the instruction of the primitive is a branch.
bool IsBranch(const Primitive& primitive);

// Whether `node`, or a procedure in it, mentions the variable.
bool Uses(const Node* node, const Variable* variable);

bool IsNumber(const Node* node);  // a literal
// The value of a literal integer from `low` to `high`.
std::optional<int64_t> IntegerIn(const Node* node, int64_t low, int64_t high);
bool IsFalse(const Node* node);  // a literal
// (or a b) as the expander leaves it: (let ((t a)) (if t t b)).
bool IsOr(const Node* node);

}  // namespace eta
