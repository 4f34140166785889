// One idea: the dispatch loop. Everything it needs out of line is in interpreter_support.cc.
// Optimized further than the rest: 10 % on loops (and no frame pointer, which Debian's Bazel
// keeps).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3,omit-frame-pointer")
#endif

#include "vm/interpreter.h"

#include <cstring>

#include "vm/vm.h"
#include "vm/watch.h"

namespace eta {
namespace {

uint64_t Bits(const Word* address) { return reinterpret_cast<uintptr_t>(address); }
const Word* Address(Value v) { return reinterpret_cast<const Word*>(v.bits()); }

// Doubles travel between memory and the floating-point registers directly: by way of the general
// registers, where the tags are tested, each crossing would lengthen the chain of dependent
// instructions by several cycles. The empty assembly keeps the compiler from reusing the tested
// word.
double LoadDouble(const Value* location) {
  asm("" : "+r"(location));
  double d;
  std::memcpy(&d, location, sizeof d);
  return d;
}

void StoreDouble(Value* location, double d) {
  if (d != d) [[unlikely]] {
    *location = Value::Double(d);
  } else {
    std::memcpy(static_cast<void*>(location), &d, sizeof d);
  }
}

bool TakesCount(const NativeObject* native, size_t count) {
  return native->def->Takes(static_cast<int>(count));
}

// False when it is no inline number.
bool ToDouble(const Value* v, double* d) {
  if (v->IsDouble()) {
    *d = LoadDouble(v);
    return true;
  }
  *d = static_cast<double>(v->AsInt());
  return v->IsInt();
}

bool ToDoubles(const Value* x, const Value* y, double* p, double* q) {
  return ToDouble(x, p) && ToDouble(y, q);
}

}  // namespace

template <bool watched>
Value Interpreter::Loop(size_t handler_floor) {
  static const void* const kLabels[] = {
#define OP(name, operands, builtin, meaning) &&op_##name,
#include "vm/opcodes.inc"
#undef OP
  };

  Value* R = frame_;
  const Word* pc = pc_;
  const ClosureObject* closure = RunningClosure();
  const Value* K = closure->code->constants.data();
  Value* const G = vm_.globals().data();
  Word w;

#define DISPATCH()                                         \
  do {                                                     \
    if constexpr (watched) vm_.watch->See(pc, R, closure); \
    w = *pc++;                                             \
    goto* kLabels[w & 0xFF];                               \
  } while (false)
#define CASE(name) op_##name:
#define A (reinterpret_cast<const uint8_t*>(pc)[-3])
#define B (reinterpret_cast<const uint8_t*>(pc)[-2])
#define C (reinterpret_cast<const uint8_t*>(pc)[-1])
#define RA R[A]
#define RB R[B]
#define RC R[C]
// Before anything that can allocate, fail or look at where the program stands.
#define SAVE() (frame_ = R, pc_ = pc)
#define BRANCH()                                       \
  do {                                                 \
    const auto offset = static_cast<int32_t>(*pc);     \
    pc += offset + 1;                                  \
    if (offset < 0 && IsInterrupted()) goto safepoint; \
    DISPATCH();                                        \
  } while (false)
#define SKIP() (++pc)
// After a call of this loop's own support functions may have moved the program elsewhere.
#define RELOAD()                         \
  do {                                   \
    R = frame_;                          \
    pc = pc_;                            \
    closure = As<ClosureObject>(R[-1]);  \
    K = closure->code->constants.data(); \
  } while (false)

// Arithmetic of small integers and doubles, mixed or not; everything else is the native's.
#define ARITHMETIC(op, left, right, integer_case)      \
  do {                                                 \
    const Value x = (left), y = (right);               \
    double p, q;                                       \
    if (Value::BothInts(x, y)) {                       \
      integer_case;                                    \
    } else if (ToDoubles(&(left), &(right), &p, &q)) { \
      StoreDouble(&RA, p op q);                        \
      DISPATCH();                                      \
    }                                                  \
    slow_x = x;                                        \
    slow_y = y;                                        \
    goto slow_value;                                   \
  } while (false)
#define ADD(left, right)              \
  ARITHMETIC(+, left, right, {        \
    Value sum;                        \
    if (Value::AddInts(x, y, &sum)) { \
      RA = sum;                       \
      DISPATCH();                     \
    }                                 \
  })
#define SUB(left, right)                     \
  ARITHMETIC(-, left, right, {               \
    Value difference;                        \
    if (Value::SubInts(x, y, &difference)) { \
      RA = difference;                       \
      DISPATCH();                            \
    }                                        \
  })
#define MUL(left, right)                                                                      \
  ARITHMETIC(*, left, right, {                                                                \
    int64_t product;                                                                          \
    if (!__builtin_mul_overflow(x.AsInt(), y.AsInt(), &product) && Value::FitsInt(product)) { \
      RA = Value::Int(product);                                                               \
      DISPATCH();                                                                             \
    }                                                                                         \
  })
// The right operand is a small integer of the instruction.
#define IMMEDIATE(op, compute)                         \
  do {                                                 \
    const Value x = RB, y = Value::Int(SignedC(w));    \
    Value result;                                      \
    if (x.IsInt()) {                                   \
      if (Value::compute(x, y, &result)) {             \
        RA = result;                                   \
        DISPATCH();                                    \
      }                                                \
    } else if (x.IsDouble()) {                         \
      StoreDouble(&RA, LoadDouble(&RB) op SignedC(w)); \
      DISPATCH();                                      \
    }                                                  \
    slow_x = x;                                        \
    slow_y = y;                                        \
    goto slow_value;                                   \
  } while (false)
// A quotient of integers may be an integer, and a zero divisor is an error, also for floats.
#define DIV(left, right)                                                            \
  do {                                                                              \
    const Value x = (left), y = (right);                                            \
    double p, q;                                                                    \
    if (!Value::BothInts(x, y) && ToDoubles(&(left), &(right), &p, &q) && q != 0) { \
      StoreDouble(&RA, p / q);                                                      \
      DISPATCH();                                                                   \
    }                                                                               \
    slow_x = x;                                                                     \
    slow_y = y;                                                                     \
    goto slow_value;                                                                \
  } while (false)

#define BRANCH_UNLESS(condition) \
  do {                           \
    if (condition) {             \
      SKIP();                    \
      DISPATCH();                \
    } else {                     \
      BRANCH();                  \
    }                            \
  } while (false)
// `truth` is empty for an instruction that branches when the comparison is false, ! for the other.
#define COMPARE(truth, op, left, right, slow)                                \
  do {                                                                       \
    const Value x = (left), y = (right);                                     \
    double p, q;                                                             \
    if (Value::BothInts(x, y)) BRANCH_UNLESS(truth(x.AsInt() op y.AsInt())); \
    if (ToDoubles(&(left), &(right), &p, &q)) BRANCH_UNLESS(truth(p op q));  \
    slow_x = x;                                                              \
    slow_y = y;                                                              \
    goto slow;                                                               \
  } while (false)
#define COMPARE_IMMEDIATE(truth, op, slow)                        \
  do {                                                            \
    const Value x = RA;                                           \
    const int32_t y = SignedB(w);                                 \
    if (x.IsInt()) BRANCH_UNLESS(truth(x.AsInt() op y));          \
    if (x.IsDouble()) BRANCH_UNLESS(truth(LoadDouble(&RA) op y)); \
    slow_x = x;                                                   \
    slow_y = Value::Int(y);                                       \
    goto slow;                                                    \
  } while (false)
#define UNLESS_IMMEDIATE(op) COMPARE_IMMEDIATE(, op, slow_unless)
#define IF_IMMEDIATE(op) COMPARE_IMMEDIATE(!, op, slow_if)
#define UNLESS(op, left, right) COMPARE(, op, left, right, slow_unless)
#define IF(op, left, right) COMPARE(!, op, left, right, slow_if)

  Value slow_x, slow_y;
  Value* args;
  size_t count;

  DISPATCH();

  CASE(Move) RA = RB;
  DISPATCH();
  CASE(LoadConst) RA = K[FieldBx(w)];
  DISPATCH();
  CASE(LoadInt) RA = Value::Int(SignedBx(w));
  DISPATCH();
  CASE(LoadNil) RA = Value::Nil();
  DISPATCH();
  CASE(LoadTrue) RA = Value::True();
  DISPATCH();
  CASE(LoadFalse) RA = Value::False();
  DISPATCH();
  CASE(GetGlobal) RA = G[FieldBx(w)];
  DISPATCH();
  CASE(SetGlobal) G[FieldBx(w)] = RA;
  DISPATCH();
  CASE(GetCapture) RA = closure->captures[B];
  DISPATCH();
  CASE(GetCaptureBox) RA = static_cast<BoxObject*>(closure->captures[B].AsObject())->value;
  DISPATCH();
  CASE(SetCaptureBox) static_cast<BoxObject*>(closure->captures[B].AsObject())->value = RA;
  DISPATCH();
  CASE(MakeBox) {
    SAVE();
    RA = vm_.heap().Box(RB);
    DISPATCH();
  }
  CASE(GetBox) RA = static_cast<BoxObject*>(RB.AsObject())->value;
  DISPATCH();
  CASE(SetBox) static_cast<BoxObject*>(RA.AsObject())->value = RB;
  DISPATCH();
  CASE(Self) RA = R[-1];
  DISPATCH();
  CASE(MakeClosure) {
    SAVE();
    RA = MakeClosure(K[FieldBx(w)]);
    DISPATCH();
  }
  CASE(PatchCapture) static_cast<ClosureObject*>(RA.AsObject())->captures[B] = RC;
  DISPATCH();

  CASE(Add) ADD(RB, RC);
  CASE(Sub) SUB(RB, RC);
  CASE(Mul) MUL(RB, RC);
  CASE(Div) DIV(RB, RC);
  CASE(AddK) ADD(RB, K[C]);
  CASE(SubK) SUB(RB, K[C]);
  CASE(MulK) MUL(RB, K[C]);
  CASE(DivK) DIV(RB, K[C]);
  CASE(AddI) IMMEDIATE(+, AddInts);
  CASE(SubI) IMMEDIATE(-, SubInts);
  CASE(Modulo) {
    const Value x = RB, y = RC;
    if (Value::BothInts(x, y) && y.AsInt() > 0) {
      const int64_t remainder = x.AsInt() % y.AsInt();
      RA = Value::Int(remainder < 0 ? remainder + y.AsInt() : remainder);
      DISPATCH();
    }
    slow_x = x;
    slow_y = y;
    goto slow_value;
  }

  CASE(Cons) {
    SAVE();
    RA = vm_.heap().Cons(RB, RC);
    DISPATCH();
  }
  CASE(Car) {
    if (const auto* pair = As<PairObject>(RB)) [[likely]] {
      RA = pair->car;
      DISPATCH();
    }
    slow_x = RB;
    goto slow_value;
  }
  CASE(Cdr) {
    if (const auto* pair = As<PairObject>(RB)) [[likely]] {
      RA = pair->cdr;
      DISPATCH();
    }
    slow_x = RB;
    goto slow_value;
  }
  CASE(VectorRef) {
    const auto* vector = As<VectorObject>(RB);
    const Value i = RC;
    if (vector && i.IsInt() && static_cast<uint64_t>(i.AsInt()) < vector->length) [[likely]] {
      RA = vector->elements[i.AsInt()];
      DISPATCH();
    }
    slow_x = RB;
    slow_y = i;
    goto slow_value;
  }
  CASE(VectorSet) {
    auto* vector = As<VectorObject>(RA);
    const Value i = RB;
    if (vector && i.IsInt() && static_cast<uint64_t>(i.AsInt()) < vector->length) [[likely]] {
      vector->elements[i.AsInt()] = RC;
      DISPATCH();
    }
    SAVE();
    if (Primitive(Op::kVectorSet, RA, i, RC).IsFailure()) goto unwind;
    DISPATCH();
  }

  CASE(VectorRefI) {
    const auto* vector = As<VectorObject>(RB);
    if (vector && C < vector->length) [[likely]] {
      RA = vector->elements[C];
      DISPATCH();
    }
    slow_x = RB;
    slow_y = Value::Int(C);
    goto slow_value;
  }
  CASE(VectorSetI) {
    auto* vector = As<VectorObject>(RA);
    if (vector && B < vector->length) [[likely]] {
      vector->elements[B] = RC;
      DISPATCH();
    }
    SAVE();
    if (Primitive(Op::kVectorSetI, RA, Value::Int(B), RC).IsFailure()) goto unwind;
    DISPATCH();
  }

  CASE(Jump) pc += SignedJump(w);
  DISPATCH();
  CASE(Loop) {
    pc += SignedJump(w);
    if (IsInterrupted()) [[unlikely]]
      goto safepoint;
    DISPATCH();
  }
  CASE(JumpIfFalse) BRANCH_UNLESS(RA.IsTruthy());
  CASE(JumpIfTrue) BRANCH_UNLESS(!RA.IsTruthy());
  CASE(UnlessLess) UNLESS(<, RA, RB);
  CASE(IfLess) IF(<, RA, RB);
  CASE(UnlessLessEq) UNLESS(<=, RA, RB);
  CASE(IfLessEq) IF(<=, RA, RB);
  CASE(UnlessGreater) UNLESS(>, RA, RB);
  CASE(IfGreater) IF(>, RA, RB);
  CASE(UnlessGreaterEq) UNLESS(>=, RA, RB);
  CASE(IfGreaterEq) IF(>=, RA, RB);
  CASE(UnlessNumEq) UNLESS(==, RA, RB);
  CASE(IfNumEq) IF(==, RA, RB);
  CASE(UnlessLessK) UNLESS(<, RA, K[B]);
  CASE(IfLessK) IF(<, RA, K[B]);
  CASE(UnlessLessEqK) UNLESS(<=, RA, K[B]);
  CASE(IfLessEqK) IF(<=, RA, K[B]);
  CASE(UnlessGreaterK) UNLESS(>, RA, K[B]);
  CASE(IfGreaterK) IF(>, RA, K[B]);
  CASE(UnlessGreaterEqK) UNLESS(>=, RA, K[B]);
  CASE(IfGreaterEqK) IF(>=, RA, K[B]);
  CASE(UnlessNumEqK) UNLESS(==, RA, K[B]);
  CASE(IfNumEqK) IF(==, RA, K[B]);
  CASE(UnlessLessI) UNLESS_IMMEDIATE(<);
  CASE(IfLessI) IF_IMMEDIATE(<);
  CASE(UnlessLessEqI) UNLESS_IMMEDIATE(<=);
  CASE(IfLessEqI) IF_IMMEDIATE(<=);
  CASE(UnlessGreaterI) UNLESS_IMMEDIATE(>);
  CASE(IfGreaterI) IF_IMMEDIATE(>);
  CASE(UnlessGreaterEqI) UNLESS_IMMEDIATE(>=);
  CASE(IfGreaterEqI) IF_IMMEDIATE(>=);
  CASE(UnlessNumEqI) UNLESS_IMMEDIATE(==);
  CASE(IfNumEqI) IF_IMMEDIATE(==);
  CASE(UnlessEq) BRANCH_UNLESS(RA == RB);
  CASE(IfEq) BRANCH_UNLESS(!(RA == RB));
  CASE(UnlessNull) BRANCH_UNLESS(RA.IsNil());
  CASE(IfNull) BRANCH_UNLESS(!(RA.IsNil()));
  CASE(UnlessPair) BRANCH_UNLESS(IsPair(RA));
  CASE(IfPair) BRANCH_UNLESS(!(IsPair(RA)));

  CASE(SpreadCall) {
    SAVE();
    SpreadPacket(&RA, &count);
    args = &RA + 2;
    goto call;
  }
  CASE(Apply) {
    SAVE();
    count = B;
    if (!SpreadList(&RA, &count)) goto unwind;
    args = &RA + 2;
    goto call;
  }
  CASE(Call) {
    args = &RA + 2;
    count = B;
    // Arguments inside the frame are rooted with it.
    if (const auto* native = As<NativeObject>(args[-1]); native && TakesCount(native, count)) {
      SAVE();
      const Value result = native->def->fn(vm_, {args, count});
      if (result.IsFailure()) [[unlikely]]
        goto unwind;
      args[-2] = result;
      if (IsInterrupted()) [[unlikely]]
        goto safepoint;
      DISPATCH();
    }
  }
call : {
  const Value callee = args[-1];
  if (const auto* target = As<ClosureObject>(callee)) [[likely]] {
    const Code* code = target->code;
    args[-2] = Value::FromBits(Bits(pc));
    if (code->shape != count || args + code->frame_size > limit_.load(std::memory_order_relaxed))
        [[unlikely]] {
      SAVE();
      if (!EnterSlow(target, args, count)) goto unwind;
    }
    R = args;
    closure = target;
    K = code->constants.data();
    pc = code->words.data();
    DISPATCH();
  }
  SAVE();
  if (const auto* native = As<NativeObject>(callee)) {
    const Value result = CallNative(native, args, count);
    if (result.IsFailure()) goto unwind;
    args[-2] = result;
    DISPATCH();
  }
  if (const auto* k = As<ContinuationObject>(callee)) {
    (void)StartEscape(k, args, count);
    goto unwind;
  }
  (void)vm_.TypeError("Callee is not a function");
  goto unwind;
}

  CASE(TailSpreadCall) {
    SAVE();
    SpreadPacket(&RA, &count);
    args = &RA + 2;
    goto tail_call;
  }
  CASE(TailApply) {
    SAVE();
    count = B;
    if (!SpreadList(&RA, &count)) goto unwind;
    args = &RA + 2;
    goto tail_call;
  }
  CASE(TailCall) {
    args = &RA + 2;
    count = B;
  }
tail_call : {
  const Value callee = args[-1];
  if (const auto* target = As<ClosureObject>(callee)) [[likely]] {
    const Code* code = target->code;
    if (code->shape != count || R + code->frame_size > limit_.load(std::memory_order_relaxed))
        [[unlikely]] {
      SAVE();
      if (!EnterSlow(target, args, count)) goto unwind;
      count = code->parameter_count();
    }
    for (size_t i = 0; i < count; ++i) R[i] = args[i];
    R[-1] = callee;
    closure = target;
    K = code->constants.data();
    pc = code->words.data();
    DISPATCH();
  }
  SAVE();
  if (const auto* native = As<NativeObject>(callee)) {
    const Value result = CallNative(native, args, count);
    if (result.IsFailure()) goto unwind;
    slow_x = result;
    goto return_value;
  }
  if (const auto* k = As<ContinuationObject>(callee)) {
    (void)StartEscape(k, args, count);
    goto unwind;
  }
  (void)vm_.TypeError("Callee is not a function");
  goto unwind;
}

  CASE(Return) slow_x = RA;
return_value : {
  Value* window = R - 2;
  pc = Address(window[0]);
  window[0] = slow_x;
  R = window - FieldA(pc[-1]);
  closure = static_cast<const ClosureObject*>(R[-1].AsObject());
  K = closure->code->constants.data();
  DISPATCH();
}

  CASE(Values) {
    SAVE();
    RA = vm_.heap().Values({&RB, C});
    DISPATCH();
  }

  CASE(PushCatch) {
    handlers_.push_back({Handler::Kind::kCatch, static_cast<uint8_t>(A), K[FieldBx(w)], R,
                         pc + 1 + static_cast<int32_t>(*pc), next_handler_id_++});
    SKIP();
    DISPATCH();
  }
  CASE(PushEscape) {
    SAVE();
    const uint64_t id = next_handler_id_++;
    handlers_.push_back({Handler::Kind::kEscape, static_cast<uint8_t>(A), Value::Nil(), R,
                         pc + 1 + static_cast<int32_t>(*pc), id});
    R[A + 2] = Value::Of(vm_.heap().Continuation(id));
    SKIP();
    DISPATCH();
  }
  CASE(PushContinuation) {
    SAVE();
    const uint64_t id = next_handler_id_++;
    handlers_.push_back({Handler::Kind::kEscape, static_cast<uint8_t>(A), Value::Nil(), R,
                         pc + 1 + static_cast<int32_t>(*pc), id});
    R[A + 2] = Capture(id, &RA, pc + 2);  // behind the offset and the call
    SKIP();
    DISPATCH();
  }
  CASE(PopContinuation) {
    SAVE();
    Unshare(R);
    handlers_.pop_back();
    DISPATCH();
  }
  CASE(Underflow) {
    SAVE();
    pc = Underflow();
    DISPATCH();
  }
  CASE(PushWind) {
    handlers_.push_back(
        {Handler::Kind::kWind, static_cast<uint8_t>(A), RA, R, nullptr, next_handler_id_++});
    DISPATCH();
  }
  CASE(PushHandler) {
    handlers_.push_back(
        {Handler::Kind::kHandler, static_cast<uint8_t>(A), RA, R, nullptr, next_handler_id_++});
    DISPATCH();
  }
  CASE(PopHandler) handlers_.pop_back();
  DISPATCH();
  CASE(Raise) {
    SAVE();
    (void)vm_.Raise(RA, RB);
    goto unwind;
  }
  CASE(Halt) {
    frame_ = R;
    return R[0];
  }

// A primitive's case that is not inline: the builtin of that name decides. Result in R[A].
slow_value : {
  SAVE();
  const Value result = Primitive(OpOf(w), slow_x, slow_y);
  if (result.IsFailure()) goto unwind;
  RA = result;
  DISPATCH();
}
// The same for a comparison in front of its offset word.
slow_unless : {
  SAVE();
  const Value result = Primitive(OpOf(w), slow_x, slow_y);
  if (result.IsFailure()) goto unwind;
  BRANCH_UNLESS(result.IsTruthy());
}
slow_if : {
  SAVE();
  const Value result = Primitive(OpOf(w), slow_x, slow_y);
  if (result.IsFailure()) goto unwind;
  BRANCH_UNLESS(!result.IsTruthy());
}

safepoint:
  SAVE();
  if (!Safepoint()) goto unwind;
  DISPATCH();

unwind:
  if (!Unwind(handler_floor)) return Value::Failure();
  RELOAD();
  DISPATCH();
}

template Value Interpreter::Loop<false>(size_t handler_floor);
template Value Interpreter::Loop<true>(size_t handler_floor);

}  // namespace eta
