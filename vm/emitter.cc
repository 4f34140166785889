#include "vm/emitter.h"

#include <algorithm>

#include "vm/continuation_uses.h"
#include "vm/procedure_emitter.h"
#include "vm/quote.h"
#include "vm/self_calls.h"
#include "vm/vm.h"

namespace eta {
namespace {

using Kind = Node::Kind;
using Shape = Primitive::Shape;

// Calls with more arguments than this pass them in a list.
constexpr size_t kMaxCallArguments = 200;

}  // namespace

ProcedureEmitter::ProcedureEmitter(Vm& vm, const LambdaNode& lambda, bool is_builtin)
    : vm_(vm), lambda_(lambda), is_builtin_(is_builtin), out_(vm.heap()) {}

Result<CodeObject*> ProcedureEmitter::Run() {
  Code& code = out_.code();
  code.name = lambda_.name;
  code.has_rest = lambda_.has_rest;
  code.drops_rest = lambda_.has_rest && !Uses(lambda_.body, lambda_.parameters.back());
  code.required_args = static_cast<uint32_t>(lambda_.parameters.size() - lambda_.has_rest);
  code.is_builtin = is_builtin_;
  out_.SetSpan(lambda_.body->span);
  for (Variable* parameter : lambda_.parameters) parameter->reg = out_.Reserve();
  if (!IsEntryLoop(lambda_.body)) {  // which does so itself, at each iteration
    for (Variable* parameter : lambda_.parameters) BoxIfNeeded(parameter);
  }
  if (lambda_.keeps_frame) {
    out_.Emit(Op::kReturn, Operand(lambda_.body));
  } else {
    Emit(lambda_.body, kReturn);
  }
  if (error_) return Unexpected(std::move(*error_));
  return out_.Finish();
}

// Computes `node` into a register, or for kReturn / kEffect. A register destination is fresh: no
// variable that the program can still see lives in it.
void ProcedureEmitter::Emit(const Node* node, int dst) {
  Temporaries temporaries(out_);
  const SourceSpan outer = out_.span();
  out_.SetSpan(node->span);
  switch (node->kind) {
    case Kind::kIf:
      EmitIf(node, dst);
      break;
    case Kind::kSeq:
      for (size_t i = 0; i + 1 < node->operands.size(); ++i) Emit(node->operands[i], kEffect);
      Emit(node->operands.back(), dst);
      break;
    case Kind::kLet:
      EmitLet(node, dst);
      break;
    case Kind::kLetrec:
      EmitLetrec(node, dst);
      break;
    case Kind::kLoop:
      EmitLoop(node, dst);
      break;
    case Kind::kAgain:
      EmitAgain(node);
      break;
    case Kind::kCall:
      EmitCall(node, dst);
      break;
    case Kind::kApply:
      EmitWindowCall(node, Op::kApply, Op::kTailApply, dst);
      break;
    case Kind::kCallWithValues:
      EmitCallWithValues(node, dst);
      break;
    case Kind::kCallCc:
      EmitCallCc(node, dst);
      break;
    case Kind::kDynamicWind:
      EmitDynamicWind(node, dst);
      break;
    case Kind::kWithHandler:
      EmitWithHandler(node, dst);
      break;
    case Kind::kCatch:
      EmitCatch(node, dst);
      break;
    case Kind::kRaise:
      EmitRaise(node);
      break;
    default:
      EmitSimple(node, dst);
  }
  out_.SetSpan(outer);
}

// Forms whose value is one instruction away.
void ProcedureEmitter::EmitSimple(const Node* node, int dst) {
  if (dst == kReturn) return out_.Emit(Op::kReturn, Operand(node));
  switch (node->kind) {
    case Kind::kConst:
      if (dst >= 0) LoadConstant(node->datum, dst);
      return;
    case Kind::kLocal:
      if (dst >= 0) LoadVariable(node->variable, dst);
      return;
    case Kind::kGlobal:
      if (dst >= 0) out_.EmitX(Op::kGetGlobal, dst, node->binding.slot);
      return;
    case Kind::kSetLocal:
      StoreVariable(node->variable, Operand(node->operands[0]));
      break;
    case Kind::kSetGlobal:
      out_.EmitX(Op::kSetGlobal, Operand(node->operands[0]), node->binding.slot);
      break;
    case Kind::kLambda:
      if (dst >= 0) LoadProcedure(*node->lambda, dst);
      return;
    default:
      return EmitValues(node, dst);
  }
  if (dst >= 0) out_.Emit(Op::kLoadNil, dst);
}

// A register that holds the value of `node`: a variable's own where nothing can change it.
int ProcedureEmitter::Operand(const Node* node) {
  if (node->kind == Kind::kLocal && IsStable(node->variable)) return node->variable->reg;
  const int reg = out_.Reserve();
  Emit(node, reg);
  return reg;
}

bool ProcedureEmitter::IsStable(const Variable* variable) const {
  return variable->owner == &lambda_ && !variable->assigned;
}

void ProcedureEmitter::LoadConstant(const Datum* datum, int dst) {
  using DatumKind = Datum::Kind;
  if (datum == nullptr || datum->kind == DatumKind::kNil) return out_.Emit(Op::kLoadNil, dst);
  if (datum->kind == DatumKind::kBool) {
    return out_.Emit(datum->boolean ? Op::kLoadTrue : Op::kLoadFalse, dst);
  }
  if (datum->kind == DatumKind::kInt && datum->integer == static_cast<int16_t>(datum->integer)) {
    return out_.EmitX(Op::kLoadInt, dst, static_cast<uint16_t>(datum->integer));
  }
  out_.EmitX(Op::kLoadConst, dst, out_.Constant(DatumToValue(vm_, datum)));
}

void ProcedureEmitter::LoadVariable(const Variable* variable, int dst) {
  if (variable->owner == &lambda_) {
    if (variable->in_box()) return out_.Emit(Op::kGetBox, dst, variable->reg);
    if (variable->reg != dst) out_.Emit(Op::kMove, dst, variable->reg);
    return;
  }
  const auto op = variable->in_box() ? Op::kGetCaptureBox : Op::kGetCapture;
  out_.Emit(op, dst, CaptureIndex(variable));
}

void ProcedureEmitter::StoreVariable(const Variable* variable, int src) {
  if (variable->owner != &lambda_) {
    return out_.Emit(Op::kSetCaptureBox, src, CaptureIndex(variable));
  }
  out_.Emit(variable->in_box() ? Op::kSetBox : Op::kMove, variable->reg, src);
}

uint32_t ProcedureEmitter::CaptureIndex(const Variable* variable) {
  const auto& captures = lambda_.captures;
  const auto index = std::find(captures.begin(), captures.end(), variable) - captures.begin();
  if (index > 255) out_.Exceeded("captured variables");
  return static_cast<uint32_t>(index);
}

void ProcedureEmitter::BoxIfNeeded(const Variable* variable) {
  if (variable->in_box()) out_.Emit(Op::kMakeBox, variable->reg, variable->reg);
}

// A closure; one without captures is made once, as a constant.
void ProcedureEmitter::LoadProcedure(const LambdaNode& inner, int dst) {
  auto code = EmitProcedure(vm_, inner, is_builtin_);
  if (!code) {
    if (!error_) error_ = std::move(code.error());
    return;
  }
  Root keep(vm_.heap(), Value::Of(*code));
  for (const Variable* captured : inner.captures) {
    const bool own = captured->owner == &lambda_;
    const uint32_t index = own ? captured->reg : CaptureIndex(captured);
    (*code)->code->captures.push_back({own, static_cast<uint8_t>(index)});
  }
  if (inner.captures.empty()) {
    const Value closure = Value::Of(vm_.heap().Closure((*code)->code, 0));
    return out_.EmitX(Op::kLoadConst, dst, out_.Constant(closure));
  }
  out_.EmitX(Op::kMakeClosure, dst, out_.Constant(keep));
}

void ProcedureEmitter::EmitValues(const Node* node, int dst) {
  const int count = static_cast<int>(node->operands.size());
  if (count > 255) return out_.Exceeded("values");
  const int first = out_.Reserve(std::max(count, 1));  // it names a register in any case
  for (int i = 0; i < count; ++i) Emit(node->operands[i], first + i);
  out_.Emit(Op::kValues, dst >= 0 ? dst : out_.Reserve(), first, count);
}

// --- Binding forms -------------------------------------------------------------------------------

void ProcedureEmitter::BindInits(const Node* node) {
  for (size_t i = 0; i < node->variables.size(); ++i) {
    const int reg = out_.Reserve();
    Emit(node->operands[i], reg);
    node->variables[i]->reg = reg;
  }
}

void ProcedureEmitter::EmitLet(const Node* node, int dst) {
  BindInits(node);
  for (Variable* variable : node->variables) BoxIfNeeded(variable);
  Emit(node->operands.back(), dst);
}

void ProcedureEmitter::EmitLetrec(const Node* node, int dst) {
  for (Variable* variable : node->variables) variable->reg = out_.Reserve();
  const bool all_lambdas =
      std::all_of(node->operands.begin(), node->operands.end() - 1,
                  [](const Node* init) { return init->kind == Kind::kLambda; });
  for (Variable* variable : node->variables) {
    if (!all_lambdas || variable->assigned) {
      out_.Emit(Op::kLoadNil, variable->reg);
      BoxIfNeeded(variable);
    }
  }
  for (size_t i = 0; i < node->variables.size(); ++i) {
    Variable* variable = node->variables[i];
    if (!variable->assigned) {
      Emit(node->operands[i], variable->reg);
    } else {
      Temporaries temporaries(out_);
      StoreVariable(variable, Operand(node->operands[i]));
    }
  }
  if (all_lambdas) PatchSiblings(node);
  Emit(node->operands.back(), dst);
}

// Fills in the captures that were taken before the captured procedure existed.
void ProcedureEmitter::PatchSiblings(const Node* letrec) {
  const auto& siblings = letrec->variables;
  for (size_t i = 0; i < siblings.size(); ++i) {
    if (siblings[i]->in_box()) continue;
    const auto& captures = letrec->operands[i]->lambda->captures;
    for (size_t c = 0; c < captures.size(); ++c) {
      const auto later = std::find(siblings.begin() + i, siblings.end(), captures[c]);
      if (later == siblings.end() || (*later)->in_box()) continue;
      out_.Emit(Op::kPatchCapture, siblings[i]->reg, c, (*later)->reg);
    }
  }
}

// --- Calls ---------------------------------------------------------------------------------------

void ProcedureEmitter::EmitCall(const Node* node, int dst) {
  if (const Primitive* primitive = FindPrimitive(node)) return EmitPrimitive(node, *primitive, dst);
  if (node->operands.size() - 1 > kMaxCallArguments) return EmitLongCall(node, dst);
  EmitWindowCall(node, Op::kCall, Op::kTailCall, dst);
}

void ProcedureEmitter::EmitPrimitive(const Node* node, const Primitive& primitive, int dst) {
  if (dst == kReturn) {
    const int reg = out_.Reserve();
    EmitPrimitive(node, primitive, reg);
    return out_.Emit(Op::kReturn, reg);
  }
  if (IsBranch(primitive)) return EmitTruth(node, dst);
  const int value = dst >= 0 ? dst : out_.Reserve();
  if (primitive.shape == Shape::kArithmetic) return EmitArithmetic(node, primitive, value);
  if (EmitIndexed(node, primitive, value)) {
    if (primitive.shape == Shape::kStore3 && dst >= 0) out_.Emit(Op::kLoadNil, dst);
    return;
  }
  uint32_t regs[3] = {};
  const size_t count = node->operands.size() - 1;
  for (size_t i = 0; i < count; ++i) regs[i] = Operand(node->operands[i]);
  if (primitive.shape != Shape::kStore3) return out_.Emit(primitive.op, value, regs[0], regs[1]);
  out_.Emit(primitive.op, regs[0], regs[1], regs[2]);
  if (dst >= 0) out_.Emit(Op::kLoadNil, dst);
}

// The form of the instruction that holds the index; false when there is none.
bool ProcedureEmitter::EmitIndexed(const Node* node, const Primitive& primitive, int value) {
  if (primitive.immediate == Op::kHalt) return false;
  const auto index = IntegerIn(node->operands[1], 0, 255);
  if (!index) return false;
  const int vector = Operand(node->operands[0]);
  if (primitive.shape == Shape::kStore3) {
    out_.Emit(primitive.immediate, vector, *index, Operand(node->operands[2]));
  } else {
    out_.Emit(primitive.immediate, value, vector, *index);
  }
  return true;
}

// Left-associative over two or more operands.
void ProcedureEmitter::EmitArithmetic(const Node* node, const Primitive& primitive, int dst) {
  const Node* first = node->operands[0];
  const Node* second = node->operands[1];
  const size_t count = node->operands.size() - 1;
  if (primitive.commutes && IsNumber(first) && !IsNumber(second)) {
    std::swap(first, second);
  }
  const int last = count == 2 ? dst : out_.Reserve();
  int left = Operand(first);
  Combine(primitive, last, left, second);
  for (size_t i = 2; i < count; ++i) {
    Combine(primitive, i + 1 == count ? dst : last, last, node->operands[i]);
  }
}

void ProcedureEmitter::Combine(const Primitive& primitive, int dst, int left, const Node* right) {
  Temporaries temporaries(out_);
  if (auto integer = Immediate(primitive, right)) {
    return out_.Emit(primitive.immediate, dst, left, *integer);
  }
  if (auto constant = ShortConstant(primitive, right)) {
    return out_.Emit(primitive.constant, dst, left, *constant);
  }
  out_.Emit(primitive.op, dst, left, Operand(right));
}

// A right operand that the primitive's immediate form can hold, as its field.
std::optional<uint32_t> ProcedureEmitter::Immediate(const Primitive& primitive, const Node* right) {
  if (primitive.immediate == Op::kHalt) return std::nullopt;
  const auto integer = IntegerIn(right, INT8_MIN, INT8_MAX);
  return integer ? std::optional<uint32_t>(static_cast<uint8_t>(*integer)) : std::nullopt;
}

// The index of a right operand that the primitive's constant form can name.
std::optional<uint32_t> ProcedureEmitter::ShortConstant(const Primitive& primitive,
                                                        const Node* right) {
  if (primitive.constant == Op::kHalt || !IsNumber(right)) return std::nullopt;
  const uint32_t index = out_.Constant(DatumToValue(vm_, right->datum));
  return index < 256 ? std::optional(index) : std::nullopt;
}

// A call window. It can begin at the destination when that is the newest register.
int ProcedureEmitter::Window(int dst, int registers) {
  if (dst >= 0 && dst == out_.next_register() - 1) {
    out_.Reserve(registers - 1);
    return dst;
  }
  return out_.Reserve(registers);
}

void ProcedureEmitter::EmitWindowCall(const Node* node, Op call, Op tail_call, int dst) {
  const size_t count = node->operands.size() - 1;
  if (count > kMaxCallArguments) return out_.Exceeded("arguments of apply");
  const int window = Window(dst, 2);
  for (size_t i = 0; i < count; ++i) Emit(node->operands[i], out_.Reserve());
  Emit(node->operands.back(), window + 1);
  FinishCall(window, count, call, tail_call, dst);
}

void ProcedureEmitter::FinishCall(int window, size_t count, Op call, Op tail_call, int dst) {
  if (dst == kReturn) return out_.Emit(tail_call, window, count);
  out_.Emit(call, window, count);
  MoveResult(window, dst);
}

void ProcedureEmitter::MoveResult(int from, int dst) {
  if (dst == kReturn) return out_.Emit(Op::kReturn, from);
  if (dst >= 0 && dst != from) out_.Emit(Op::kMove, dst, from);
}

// (f a b c ...) with more arguments than registers: evaluated in order onto a list, which is
// reversed and applied.
void ProcedureEmitter::EmitLongCall(const Node* node, int dst) {
  const int window = out_.Reserve(3);
  const int list = window + 2;
  out_.Emit(Op::kLoadNil, list);
  for (size_t i = 0; i + 1 < node->operands.size(); ++i) {
    Temporaries temporaries(out_);
    out_.Emit(Op::kCons, list, Operand(node->operands[i]), list);
  }
  EmitReverse(list);
  Emit(node->operands.back(), window + 1);
  FinishCall(window, 1, Op::kApply, Op::kTailApply, dst);
}

void ProcedureEmitter::EmitReverse(int list) {
  Temporaries temporaries(out_);
  const int result = out_.Reserve(2);
  const int item = result + 1;
  Label next, end;
  out_.Emit(Op::kLoadNil, result);
  out_.Bind(next);
  out_.EmitBranch(Op::kUnlessPair, end, list);
  out_.Emit(Op::kCar, item, list);
  out_.Emit(Op::kCons, result, item, result);
  out_.Emit(Op::kCdr, list, list);
  out_.EmitJump(next);
  out_.Bind(end);
  out_.Emit(Op::kMove, list, result);
}

void ProcedureEmitter::EmitCallWithValues(const Node* node, int dst) {
  const int window = out_.Reserve(4);
  Emit(node->operands[0], window + 3);
  Emit(node->operands[1], window + 1);
  out_.Emit(Op::kCall, window + 2, 0);
  if (dst == kReturn) return out_.Emit(Op::kTailSpreadCall, window);
  out_.Emit(Op::kSpreadCall, window);
  MoveResult(window, dst);
}

void ProcedureEmitter::EmitCallCc(const Node* node, int dst) {
  const int window = out_.Reserve(3);
  Label after;
  Emit(node->operands[0], window + 1);
  const bool leaves = OnlyEscapes(node);
  out_.EmitBranch(leaves ? Op::kPushEscape : Op::kPushContinuation, after, window);
  out_.Emit(Op::kCall, window, 1);
  out_.Emit(leaves ? Op::kPopHandler : Op::kPopContinuation);
  out_.Bind(after);
  MoveResult(window, dst);
}

void ProcedureEmitter::EmitDynamicWind(const Node* node, int dst) {
  const int thunks = out_.Reserve(3);
  for (int i = 0; i < 3; ++i) Emit(node->operands[i], thunks + i);
  const int result = out_.Reserve(2);
  CallThunk(result, thunks);
  out_.Emit(Op::kPushWind, thunks + 2);
  CallThunk(result, thunks + 1);
  out_.Emit(Op::kPopHandler);
  CallThunk(out_.Reserve(2), thunks + 2);
  MoveResult(result, dst);
}

void ProcedureEmitter::EmitWithHandler(const Node* node, int dst) {
  const int procedures = out_.Reserve(2);
  for (int i = 0; i < 2; ++i) Emit(node->operands[i], procedures + i);
  const int result = out_.Reserve(2);
  out_.Emit(Op::kPushHandler, procedures);
  CallThunk(result, procedures + 1);
  out_.Emit(Op::kPopHandler);
  MoveResult(result, dst);
}

void ProcedureEmitter::CallThunk(int window, int thunk) {
  out_.Emit(Op::kMove, window + 1, thunk);
  out_.Emit(Op::kCall, window, 0);
}

void ProcedureEmitter::EmitCatch(const Node* node, int dst) {
  const int value = dst >= 0 ? dst : out_.Reserve();
  Label after;
  out_.EmitBranchX(Op::kPushCatch, after, value, out_.Constant(TagValue(node)));
  Emit(node->operands[0], value);
  out_.Emit(Op::kPopHandler);
  out_.Bind(after);
  MoveResult(value, dst);
}

void ProcedureEmitter::EmitRaise(const Node* node) {
  const int tag = out_.Reserve();
  out_.EmitX(Op::kLoadConst, tag, out_.Constant(TagValue(node)));
  out_.Emit(Op::kRaise, tag, Operand(node->operands[0]));
}

Value ProcedureEmitter::TagValue(const Node* node) {
  if (!node->datum) return Value::False();
  return node->datum->IsSymbol() ? vm_.Symbol(node->datum->symbol) : Value::True();
}

Result<CodeObject*> EmitProcedure(Vm& vm, const LambdaNode& lambda, bool is_builtin) {
  return ProcedureEmitter(vm, lambda, is_builtin).Run();
}

}  // namespace eta
