// Branches and loops.
#include <algorithm>

#include "vm/primitives.h"
#include "vm/procedure_emitter.h"
#include "vm/self_calls.h"

namespace eta {
namespace {

using Kind = Node::Kind;
using Shape = Primitive::Shape;

}  // namespace

void ProcedureEmitter::EmitLoop(const Node* node, int dst) {
  if (!IsEntryLoop(node)) BindInits(node);
  OpenLoop& loop = loops_.emplace_back(OpenLoop{node, TestToRepeat(node)});
  out_.Bind(loop.header);
  for (Variable* variable : node->variables) BoxIfNeeded(variable);  // anew at each iteration
  const Node* body = node->operands.back();
  if (loop.test != nullptr) {
    EmitIf(body, dst, loop.then, loop.otherwise);
  } else {
    Emit(body, dst);
  }
  loops_.pop_back();
}

// The test with which an iteration begins, if it is a single instruction. It is then repeated
// where an iteration ends, which saves a jump.
const Node* ProcedureEmitter::TestToRepeat(const Node* loop) const {
  const Node* body = loop->operands.back();
  const Node* test = body->kind == Kind::kIf ? body->operands[0] : nullptr;
  if (!test || test->kind != Kind::kCall || !ReadsRegisters(test)) return nullptr;
  const Primitive* primitive = FindPrimitive(test);
  if (!primitive || primitive->shape == Shape::kNot || !IsBranch(*primitive)) return nullptr;
  const auto& variables = loop->variables;
  const bool boxed = std::any_of(variables.begin(), variables.end(),
                                 [](const Variable* variable) { return variable->in_box(); });
  return boxed ? nullptr : test;
}

void ProcedureEmitter::EmitAgain(const Node* node) {
  const auto& variables = node->loop->variables;
  std::vector<std::pair<int, int>> moves;  // from, to
  std::vector<size_t> pending = ChangedVariables(node);
  while (!pending.empty()) {
    const auto in_place = FindInPlace(node, pending);
    const auto next = in_place == pending.end() ? pending.begin() : in_place;
    const int target = variables[*next]->reg;
    const int reg = in_place == pending.end() ? out_.Reserve() : target;
    Emit(node->operands[*next], reg);
    if (reg != target) moves.emplace_back(reg, target);
    pending.erase(next);
  }
  for (auto [from, to] : moves) out_.Emit(Op::kMove, to, from);
  JumpBack(*std::find_if(loops_.begin(), loops_.end(),
                         [&](const OpenLoop& loop) { return loop.node == node->loop; }));
}

void ProcedureEmitter::JumpBack(OpenLoop& loop) {
  if (loop.test == nullptr) return out_.EmitJump(loop.header);
  const bool in_then = loop.otherwise.word < 0;
  Test(loop.test, in_then, in_then ? loop.then : loop.otherwise);
  out_.EmitJump(in_then ? loop.otherwise : loop.then);
}

std::vector<size_t> ProcedureEmitter::ChangedVariables(const Node* again) {
  std::vector<size_t> changed;
  for (size_t i = 0; i < again->loop->variables.size(); ++i) {
    const Variable* variable = again->loop->variables[i];
    const Node* next = again->operands[i];
    const bool same = next->kind == Kind::kLocal && next->variable == variable;
    if (!same || variable->in_box()) changed.push_back(i);
  }
  return changed;
}

// One whose new value can go straight into the variable, since no other still needs the old one.
// Operands are computed left to right; only those that are single instructions change places.
std::vector<size_t>::iterator ProcedureEmitter::FindInPlace(const Node* again,
                                                            std::vector<size_t>& pending) {
  for (auto i = pending.begin(); i != pending.end(); ++i) {
    const Variable* variable = again->loop->variables[*i];
    if (variable->in_box() || !IsOneInstruction(again->operands[*i])) break;
    const bool needed = std::any_of(pending.begin(), pending.end(), [&](size_t other) {
      return other != *i && Uses(again->operands[other], variable);
    });
    if (!needed) return i;
  }
  return pending.end();
}

// Computed by one instruction on registers and constants.
bool ProcedureEmitter::IsOneInstruction(const Node* node) const {
  if (node->kind == Kind::kLocal) return IsStable(node->variable);
  const Primitive* primitive = node->kind == Kind::kCall ? FindPrimitive(node) : nullptr;
  if (!primitive || node->operands.size() > 3) return false;
  if (primitive->shape != Shape::kArithmetic && primitive->shape != Shape::kValue1 &&
      primitive->shape != Shape::kValue2) {
    return false;
  }
  return ReadsRegisters(node);
}

// A call whose arguments are numbers and variables that stay in registers.
bool ProcedureEmitter::ReadsRegisters(const Node* call) const {
  return std::all_of(call->operands.begin(), call->operands.end() - 1, [&](const Node* operand) {
    return IsNumber(operand) || (operand->kind == Kind::kLocal && IsStable(operand->variable));
  });
}

void ProcedureEmitter::EmitIf(const Node* node, int dst) {
  Label then, otherwise;
  EmitIf(node, dst, then, otherwise);
}

void ProcedureEmitter::EmitIf(const Node* node, int dst, Label& then, Label& otherwise) {
  Label end;
  Test(node->operands[0], false, otherwise);
  out_.Bind(then);
  Emit(node->operands[1], dst);
  if (dst != kReturn) out_.EmitJump(end);
  out_.Bind(otherwise);
  Emit(node->operands[2], dst);
  out_.Bind(end);
}

// Jumps to `target` when the truth of `node` is `sense`, otherwise goes on.
void ProcedureEmitter::Test(const Node* node, bool sense, Label& target) {
  Temporaries temporaries(out_);
  const Primitive* primitive = node->kind == Kind::kCall ? FindPrimitive(node) : nullptr;
  if (primitive && IsBranch(*primitive)) return TestPrimitive(node, *primitive, sense, target);
  if (node->kind == Kind::kIf) return TestIf(node, sense, target);
  if (IsOr(node)) return TestOr(node, sense, target);
  const int reg = Operand(node);
  out_.EmitBranch(sense ? Op::kJumpIfTrue : Op::kJumpIfFalse, target, reg);
}

// In the list of opcodes an If follows its Unless.
Op ProcedureEmitter::Branch(Op unless, bool sense) {
  return static_cast<Op>(static_cast<int>(unless) + sense);
}

void ProcedureEmitter::TestPrimitive(const Node* node, const Primitive& primitive, bool sense,
                                     Label& target) {
  if (primitive.shape == Shape::kNot) return Test(node->operands[0], !sense, target);
  const int a = Operand(node->operands[0]);
  const SourceSpan outer = out_.span();
  out_.SetSpan(node->span);
  if (primitive.shape == Shape::kTest1) {
    out_.EmitBranch(Branch(primitive.op, sense), target, a);
  } else if (auto integer = Immediate(primitive, node->operands[1])) {
    out_.EmitBranch(Branch(primitive.immediate, sense), target, a, *integer);
  } else if (auto constant = ShortConstant(primitive, node->operands[1])) {
    out_.EmitBranch(Branch(primitive.constant, sense), target, a, *constant);
  } else {
    out_.EmitBranch(Branch(primitive.op, sense), target, a, Operand(node->operands[1]));
  }
  out_.SetSpan(outer);
}

void ProcedureEmitter::TestIf(const Node* node, bool sense, Label& target) {
  Label otherwise, end;
  if (IsFalse(node->operands[2]) && !sense) {  // (and a b), false
    Test(node->operands[0], false, target);
    return Test(node->operands[1], false, target);
  }
  Test(node->operands[0], false, otherwise);
  Test(node->operands[1], sense, target);
  out_.EmitJump(end);
  out_.Bind(otherwise);
  Test(node->operands[2], sense, target);
  out_.Bind(end);
}

void ProcedureEmitter::TestOr(const Node* node, bool sense, Label& target) {
  Label end;
  Test(node->operands[0], true, sense ? target : end);
  Test(node->operands[1]->operands[2], sense, target);
  out_.Bind(end);
}

void ProcedureEmitter::EmitTruth(const Node* node, int dst) {
  Label otherwise, end;
  Test(node, false, otherwise);
  if (dst >= 0) out_.Emit(Op::kLoadTrue, dst);
  out_.EmitJump(end);
  out_.Bind(otherwise);
  if (dst >= 0) out_.Emit(Op::kLoadFalse, dst);
  out_.Bind(end);
}

}  // namespace eta
