// Functions of real numbers. Elementary ones always give floats; outside of its domain a function
// gives NaN or an infinity, as C does.
#include <cmath>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"

namespace eta {
namespace {

constexpr std::string_view kNotANumber = "argument is not a number";

template <class Function>
Value OfFloat(Vm& vm, Args args, std::string_view name, Function f) {
  if (!IsNumber(args[0])) return Wrong(vm, name, kNotANumber);
  return Value::Double(f(ToDouble(args[0])));
}

// Integers are their own floor, and so on.
template <class Function>
Value Rounded(Vm& vm, Args args, std::string_view name, Function f) {
  return IsInteger(args[0]) ? args[0] : OfFloat(vm, args, name, f);
}

Value Exp(Vm& vm, Args args) {
  return OfFloat(vm, args, "exp", [](double x) { return std::exp(x); });
}
Value Log(Vm& vm, Args args) {
  return OfFloat(vm, args, "log", [](double x) { return std::log(x); });
}
Value Sqrt(Vm& vm, Args args) {
  return OfFloat(vm, args, "sqrt", [](double x) { return std::sqrt(x); });
}
Value Sin(Vm& vm, Args args) {
  return OfFloat(vm, args, "sin", [](double x) { return std::sin(x); });
}
Value Cos(Vm& vm, Args args) {
  return OfFloat(vm, args, "cos", [](double x) { return std::cos(x); });
}
Value Tan(Vm& vm, Args args) {
  return OfFloat(vm, args, "tan", [](double x) { return std::tan(x); });
}
Value Asin(Vm& vm, Args args) {
  return OfFloat(vm, args, "asin", [](double x) { return std::asin(x); });
}
Value Acos(Vm& vm, Args args) {
  return OfFloat(vm, args, "acos", [](double x) { return std::acos(x); });
}

Value Atan(Vm& vm, Args args) {
  if (args.size() == 1) return OfFloat(vm, args, "atan", [](double x) { return std::atan(x); });
  if (!IsNumber(args[0]) || !IsNumber(args[1])) return Wrong(vm, "atan", kNotANumber);
  return Value::Double(std::atan2(ToDouble(args[0]), ToDouble(args[1])));
}

Value Pow(Vm& vm, Args args) {
  if (!IsNumber(args[0]) || !IsNumber(args[1])) return Wrong(vm, "pow", kNotANumber);
  return Value::Double(std::pow(ToDouble(args[0]), ToDouble(args[1])));
}

Value Floor(Vm& vm, Args args) {
  return Rounded(vm, args, "floor", [](double x) { return std::floor(x); });
}
Value Ceiling(Vm& vm, Args args) {
  return Rounded(vm, args, "ceiling", [](double x) { return std::ceil(x); });
}
Value Truncate(Vm& vm, Args args) {
  return Rounded(vm, args, "truncate", [](double x) { return std::trunc(x); });
}

// Halves go up. Not floor(x + 0.5): that sum rounds, for the largest float below 0.5 and others.
Value Round(Vm& vm, Args args) {
  return Rounded(vm, args, "round", [](double x) {
    const double below = std::floor(x);
    return x - below >= 0.5 ? below + 1 : below;
  });
}

constexpr NativeDef kNatives[] = {
    {"exp", Exp, 1, 1, "(exp x): e to the power x"},
    {"log", Log, 1, 1, "(log x): the natural logarithm"},
    {"sqrt", Sqrt, 1, 1, "(sqrt x): the square root"},
    {"sin", Sin, 1, 1, "(sin x): the sine of x in radians"},
    {"cos", Cos, 1, 1, "(cos x): the cosine of x in radians"},
    {"tan", Tan, 1, 1, "(tan x): the tangent of x in radians"},
    {"asin", Asin, 1, 1, "(asin x): the angle whose sine is x"},
    {"acos", Acos, 1, 1, "(acos x): the angle whose cosine is x"},
    {"atan", Atan, 1, 2, "(atan y [x]): the angle whose tangent is y, or that of the point x, y"},
    {"pow", Pow, 2, 2, "(pow x y): x to the power y"},
    {"%floor", Floor, 1, 1, "(%floor x): the largest integral number not above x"},
    {"%ceiling", Ceiling, 1, 1, "(%ceiling x): the smallest integral number not below x"},
    {"%truncate", Truncate, 1, 1, "(%truncate x): x without its fraction"},
    {"%round", Round, 1, 1, "(%round x): the nearest integral number, halves going up"},
};

}  // namespace

std::span<const NativeDef> MathBuiltins() { return kNatives; }

}  // namespace eta
