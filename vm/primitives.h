// The builtins that have instructions of their own.
#pragma once

#include <string_view>

#include "vm/code.h"

namespace eta {

// How the emitter encodes calls of one builtin.
struct Primitive {
  enum class Shape : uint8_t {
    kArithmetic,  // two operands to a value; `constant` if the right one is a number, `immediate`
                  // if it is a small integer
    kValue1,      // one operand to a value
    kValue2,      // `immediate` if the second is a small index
    kStore3,      // three operands, no value; `immediate` likewise
    kCompare,     // two operands, a branch; `constant` likewise
    kTest1,       // one operand, a branch
    kNot,         // inverts a branch
  };
  std::string_view name;
  Shape shape;
  Op op = Op::kHalt;
  Op constant = Op::kHalt;  // kHalt: there is none
  Op immediate = Op::kHalt;
  bool commutes = false;
};

inline constexpr Primitive kPrimitives[] = {
    {"+", Primitive::Shape::kArithmetic, Op::kAdd, Op::kAddK, Op::kAddI, true},
    {"-", Primitive::Shape::kArithmetic, Op::kSub, Op::kSubK, Op::kSubI},
    {"*", Primitive::Shape::kArithmetic, Op::kMul, Op::kMulK, Op::kHalt, true},
    {"/", Primitive::Shape::kArithmetic, Op::kDiv, Op::kDivK},
    {"modulo", Primitive::Shape::kArithmetic, Op::kModulo},
    {"cons", Primitive::Shape::kValue2, Op::kCons},
    {"car", Primitive::Shape::kValue1, Op::kCar},
    {"cdr", Primitive::Shape::kValue1, Op::kCdr},
    {"vector-ref", Primitive::Shape::kValue2, Op::kVectorRef, Op::kHalt, Op::kVectorRefI},
    {"vector-set!", Primitive::Shape::kStore3, Op::kVectorSet, Op::kHalt, Op::kVectorSetI},
    {"<", Primitive::Shape::kCompare, Op::kUnlessLess, Op::kUnlessLessK, Op::kUnlessLessI},
    {"<=", Primitive::Shape::kCompare, Op::kUnlessLessEq, Op::kUnlessLessEqK, Op::kUnlessLessEqI},
    {">", Primitive::Shape::kCompare, Op::kUnlessGreater, Op::kUnlessGreaterK, Op::kUnlessGreaterI},
    {">=", Primitive::Shape::kCompare, Op::kUnlessGreaterEq, Op::kUnlessGreaterEqK,
     Op::kUnlessGreaterEqI},
    {"=", Primitive::Shape::kCompare, Op::kUnlessNumEq, Op::kUnlessNumEqK, Op::kUnlessNumEqI},
    {"eq?", Primitive::Shape::kCompare, Op::kUnlessEq},
    {"null?", Primitive::Shape::kTest1, Op::kUnlessNull},
    {"pair?", Primitive::Shape::kTest1, Op::kUnlessPair},
    {"not", Primitive::Shape::kNot},
};

}  // namespace eta
