// Integers against floats, and the pairs of quotient and remainder.
#include <cmath>
#include <limits>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"

namespace eta {
namespace {

constexpr std::string_view kNotANumber = "argument is not a number";

Value Inexact(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "inexact", kNotANumber);
  return Value::Double(ToDouble(args[0]));
}

Value Exact(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "exact", kNotANumber);
  if (IsInteger(args[0])) return args[0];
  const double d = args[0].AsDouble();
  // 2^63 is a double, the largest int64 is not.
  if (std::trunc(d) != d || d < -0x1p63 || d >= 0x1p63) {
    return Wrong(vm, "exact", "argument is not an integral number of 64 bits");
  }
  return vm.heap().Integer(static_cast<int64_t>(d));
}

Value IsExact(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "exact?", kNotANumber);
  return Value::Bool(IsInteger(args[0]));
}
Value IsInexact(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "inexact?", kNotANumber);
  return Value::Bool(args[0].IsDouble());
}
Value IsExactInteger(Vm&, Args args) { return Value::Bool(IsInteger(args[0])); }
Value IsReal(Vm&, Args args) { return Value::Bool(IsNumber(args[0])); }
Value IsRational(Vm&, Args args) {
  return Value::Bool(IsNumber(args[0]) && std::isfinite(ToDouble(args[0])));
}

template <class Test>
Value TestFloat(Vm& vm, Args args, std::string_view name, Test test) {
  if (!IsNumber(args[0])) return Wrong(vm, name, kNotANumber);
  return Value::Bool(test(ToDouble(args[0])));
}
Value IsNan(Vm& vm, Args args) {
  return TestFloat(vm, args, "nan?", [](double d) { return std::isnan(d); });
}
Value IsInfinite(Vm& vm, Args args) {
  return TestFloat(vm, args, "infinite?", [](double d) { return std::isinf(d); });
}
Value IsFinite(Vm& vm, Args args) {
  return TestFloat(vm, args, "finite?", [](double d) { return std::isfinite(d); });
}

struct Division {
  Value quotient, remainder;
};

// Integral division, towards zero or, with `floor`, downwards. Nothing: failed.
std::optional<Division> Divide(Vm& vm, Args args, std::string_view name, bool floor) {
  if (!IsNumber(args[0]) || !IsNumber(args[1])) {
    (void)Wrong(vm, name, kNotANumber);
    return {};
  }
  if (ToDouble(args[1]) == 0) {
    (void)Wrong(vm, name, "division by zero");
    return {};
  }
  if (!IsInteger(args[0]) || !IsInteger(args[1])) {
    const double a = ToDouble(args[0]), b = ToDouble(args[1]);
    const double quotient = floor ? std::floor(a / b) : std::trunc(a / b);
    double remainder = std::fmod(a, b);
    if (floor && remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
    return Division{Value::Double(quotient), Value::Double(remainder)};
  }
  const int64_t a = ToInt64(args[0]), b = ToInt64(args[1]);
  if (b == -1 && a == std::numeric_limits<int64_t>::min()) {
    return Division{Value::Double(0x1p63), Value::Int(0)};
  }
  const bool down = floor && a % b != 0 && (a % b < 0) != (b < 0);
  const Root quotient(vm.heap(), vm.heap().Integer(a / b - down));
  const Value remainder = vm.heap().Integer(a % b + (down ? b : 0));
  return Division{quotient, remainder};
}

Value Both(Vm& vm, const std::optional<Division>& division) {
  if (!division) return Value::Failure();
  const Root quotient(vm.heap(), division->quotient), remainder(vm.heap(), division->remainder);
  const Value values[] = {quotient, remainder};
  return vm.heap().Values(values);
}

Value FloorDivide(Vm& vm, Args args) { return Both(vm, Divide(vm, args, "floor/", true)); }
Value TruncateDivide(Vm& vm, Args args) { return Both(vm, Divide(vm, args, "truncate/", false)); }
Value FloorQuotient(Vm& vm, Args args) {
  const auto division = Divide(vm, args, "floor-quotient", true);
  return division ? division->quotient : Value::Failure();
}
Value FloorRemainder(Vm& vm, Args args) {
  const auto division = Divide(vm, args, "floor-remainder", true);
  return division ? division->remainder : Value::Failure();
}
Value TruncateQuotient(Vm& vm, Args args) {
  const auto division = Divide(vm, args, "truncate-quotient", false);
  return division ? division->quotient : Value::Failure();
}
Value TruncateRemainder(Vm& vm, Args args) {
  const auto division = Divide(vm, args, "truncate-remainder", false);
  return division ? division->remainder : Value::Failure();
}

// The root by doubles is at most one off; then the rest is exact.
Value ExactIntegerSqrt(Vm& vm, Args args) {
  const bool good = IsInteger(args[0]) && ToInt64(args[0]) >= 0;
  if (!good) return Wrong(vm, "exact-integer-sqrt", "argument is not a non-negative integer");
  const auto n = static_cast<uint64_t>(ToInt64(args[0]));
  auto root = static_cast<uint64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  const Root rest(vm.heap(), vm.heap().Integer(static_cast<int64_t>(n - root * root)));
  const Value values[] = {Value::Int(static_cast<int64_t>(root)), rest};
  return vm.heap().Values(values);
}

constexpr NativeDef kNatives[] = {
    {"inexact", Inexact, 1, 1, "(inexact x): x as a float"},
    {"exact->inexact", Inexact, 1, 1, "(exact->inexact x): x as a float"},
    {"exact", Exact, 1, 1, "(exact x): the integer that equals x"},
    {"inexact->exact", Exact, 1, 1, "(inexact->exact x): the integer that equals x"},
    {"exact?", IsExact, 1, 1, "(exact? x): whether x is an integer and no float"},
    {"inexact?", IsInexact, 1, 1, "(inexact? x): whether x is a float"},
    {"exact-integer?", IsExactInteger, 1, 1,
     "(exact-integer? v): whether v is an integer, no float"},
    {"real?", IsReal, 1, 1, "(real? v): whether v is a number"},
    {"rational?", IsRational, 1, 1, "(rational? v): whether v is a finite number"},
    {"nan?", IsNan, 1, 1, "(nan? x): whether x is not a number"},
    {"infinite?", IsInfinite, 1, 1, "(infinite? x): whether x is an infinity"},
    {"finite?", IsFinite, 1, 1, "(finite? x): whether x is neither NaN nor an infinity"},
    {"floor/", FloorDivide, 2, 2, "(floor/ a b): quotient rounded down, and its remainder"},
    {"truncate/", TruncateDivide, 2, 2,
     "(truncate/ a b): quotient towards zero, and its remainder"},
    {"exact-integer-sqrt", ExactIntegerSqrt, 1, 1,
     "(exact-integer-sqrt n): the integral root of n, and what is left of n"},
    {"floor-quotient", FloorQuotient, 2, 2, "(floor-quotient a b): a / b rounded down"},
    {"floor-remainder", FloorRemainder, 2, 2, "(floor-remainder a b): with the sign of b"},
    {"truncate-quotient", TruncateQuotient, 2, 2, "(truncate-quotient a b): a / b towards zero"},
    {"truncate-remainder", TruncateRemainder, 2, 2, "(truncate-remainder a b): with the sign of a"},
};

}  // namespace

std::span<const NativeDef> ExactnessBuiltins() { return kNatives; }

}  // namespace eta
