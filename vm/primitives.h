// The builtins that have instructions of their own.
#pragma once

#include <string_view>

#include "vm/code.h"

namespace eta {

// How the emitter encodes calls of one builtin.
struct Primitive {
  enum class Shape : uint8_t {
    kArithmetic,  // two operands to a value; `constant` if the right one is a number
    kValue1,      // one operand to a value
    kValue2,
    kStore3,   // three operands, no value
    kCompare,  // two operands, a branch; `constant` likewise
    kTest1,    // one operand, a branch
    kNot,      // inverts a branch
  };
  std::string_view name;
  Shape shape;
  Op op = Op::kHalt;
  Op constant = Op::kHalt;  // kHalt: there is none
  bool commutes = false;
};

inline constexpr Primitive kPrimitives[] = {
    {"+", Primitive::Shape::kArithmetic, Op::kAdd, Op::kAddK, true},
    {"-", Primitive::Shape::kArithmetic, Op::kSub, Op::kSubK},
    {"*", Primitive::Shape::kArithmetic, Op::kMul, Op::kMulK, true},
    {"/", Primitive::Shape::kArithmetic, Op::kDiv, Op::kDivK},
    {"modulo", Primitive::Shape::kArithmetic, Op::kModulo},
    {"cons", Primitive::Shape::kValue2, Op::kCons},
    {"car", Primitive::Shape::kValue1, Op::kCar},
    {"cdr", Primitive::Shape::kValue1, Op::kCdr},
    {"vector-ref", Primitive::Shape::kValue2, Op::kVectorRef},
    {"vector-set!", Primitive::Shape::kStore3, Op::kVectorSet},
    {"<", Primitive::Shape::kCompare, Op::kUnlessLess, Op::kUnlessLessK},
    {"<=", Primitive::Shape::kCompare, Op::kUnlessLessEq, Op::kUnlessLessEqK},
    {">", Primitive::Shape::kCompare, Op::kUnlessGreater, Op::kUnlessGreaterK},
    {">=", Primitive::Shape::kCompare, Op::kUnlessGreaterEq, Op::kUnlessGreaterEqK},
    {"=", Primitive::Shape::kCompare, Op::kUnlessNumEq, Op::kUnlessNumEqK},
    {"eq?", Primitive::Shape::kCompare, Op::kUnlessEq},
    {"null?", Primitive::Shape::kTest1, Op::kUnlessNull},
    {"pair?", Primitive::Shape::kTest1, Op::kUnlessPair},
    {"not", Primitive::Shape::kNot},
};

}  // namespace eta
