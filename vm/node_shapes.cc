#include "vm/node_shapes.h"

#include <algorithm>
#include <iterator>

namespace eta {
namespace {

using Kind = Node::Kind;
using Shape = Primitive::Shape;

}  // namespace

const Primitive* FindPrimitive(const Node* call) {
  const Node* op = call->operands.back();
  if (op->kind != Kind::kGlobal || op->binding.kind != Binding::Kind::kBuiltin) return nullptr;
  const auto* found = std::find_if(std::begin(kPrimitives), std::end(kPrimitives),
                                   [&](const Primitive& p) { return p.name == *op->name; });
  if (found == std::end(kPrimitives)) return nullptr;
  const size_t count = call->operands.size() - 1;
  switch (found->shape) {
    case Shape::kArithmetic:
      return count == 2 || (count > 2 && found->name != "modulo") ? found : nullptr;
    case Shape::kValue2:
    case Shape::kCompare:
      return count == 2 ? found : nullptr;
    case Shape::kStore3:
      return count == 3 ? found : nullptr;
    case Shape::kValue1:
    case Shape::kTest1:
    case Shape::kNot:
      return count == 1 ? found : nullptr;
  }
  return nullptr;
}

bool Uses(const Node* node, const Variable* variable) {
  if (node->variable == variable) return true;
  if (node->lambda != nullptr && Uses(node->lambda->body, variable)) return true;
  return std::any_of(node->operands.begin(), node->operands.end(),
                     [&](const Node* operand) { return Uses(operand, variable); });
}

bool IsNumber(const Node* node) {
  return node->kind == Kind::kConst && node->datum != nullptr &&
         (node->datum->kind == Datum::Kind::kInt || node->datum->kind == Datum::Kind::kFloat);
}

std::optional<int64_t> IntegerIn(const Node* node, int64_t low, int64_t high) {
  if (!IsNumber(node) || node->datum->kind != Datum::Kind::kInt) return std::nullopt;
  const int64_t value = node->datum->integer;
  return low <= value && value <= high ? std::optional(value) : std::nullopt;
}

bool IsFalse(const Node* node) {
  return node->kind == Kind::kConst && node->datum != nullptr &&
         node->datum->kind == Datum::Kind::kBool && !node->datum->boolean;
}

// (or a b) as the expander leaves it: (let ((t a)) (if t t b)).
bool IsOr(const Node* node) {
  if (node->kind != Kind::kLet || node->variables.size() != 1) return false;
  const Node* body = node->operands[1];
  if (body->kind != Kind::kIf) return false;
  auto is_temporary = [&](const Node* n) {
    return n->kind == Kind::kLocal && n->variable == node->variables[0];
  };
  return is_temporary(body->operands[0]) && is_temporary(body->operands[1]) &&
         !Uses(body->operands[2], node->variables[0]);
}

bool IsBranch(const Primitive& primitive) {
  return primitive.shape == Shape::kCompare || primitive.shape == Shape::kTest1 ||
         primitive.shape == Shape::kNot;
}

}  // namespace eta
