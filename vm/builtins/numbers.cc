// Arithmetic and comparison. Integers are 64 bits; what overflows goes on as a float.
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/number_text.h"

namespace eta {
namespace {

constexpr std::string_view kNotANumber = "argument is not a number";

// A running result: an integer for as long as that is exact.
struct Accumulator {
  explicit Accumulator(Value first)
      : is_float(first.IsDouble()),
        integer(is_float ? 0 : ToInt64(first)),
        real(is_float ? first.AsDouble() : 0) {}

  double AsFloat() const { return is_float ? real : static_cast<double>(integer); }
  void SetFloat(double d) {
    is_float = true;
    real = d;
  }
  Value ToValue(Vm& vm) const {
    return is_float ? Value::Double(real) : vm.heap().Integer(integer);
  }

  bool is_float;
  int64_t integer;
  double real;
};

struct Plus {
  static constexpr std::string_view kName = "+";
  static constexpr int64_t kUnit = 0;
  static bool Overflows(int64_t a, int64_t b, int64_t* out) {
    return __builtin_add_overflow(a, b, out);
  }
  static double Apply(double a, double b) { return a + b; }
};

struct Minus {
  static constexpr std::string_view kName = "-";
  static bool Overflows(int64_t a, int64_t b, int64_t* out) {
    return __builtin_sub_overflow(a, b, out);
  }
  static double Apply(double a, double b) { return a - b; }
};

struct Times {
  static constexpr std::string_view kName = "*";
  static constexpr int64_t kUnit = 1;
  static bool Overflows(int64_t a, int64_t b, int64_t* out) {
    return __builtin_mul_overflow(a, b, out);
  }
  static double Apply(double a, double b) { return a * b; }
};

// Combines `first` with all of `rest`.
template <class Operation>
Value Fold(Vm& vm, Value first, Args rest) {
  if (!IsNumber(first)) return Wrong(vm, Operation::kName, kNotANumber);
  Accumulator acc(first);
  for (Value v : rest) {
    if (!IsNumber(v)) return Wrong(vm, Operation::kName, kNotANumber);
    int64_t exact;
    if (!acc.is_float && !v.IsDouble() && !Operation::Overflows(acc.integer, ToInt64(v), &exact)) {
      acc.integer = exact;
    } else {
      acc.SetFloat(Operation::Apply(acc.AsFloat(), ToDouble(v)));
    }
  }
  return acc.ToValue(vm);
}

template <class Operation>
Value FoldFromUnit(Vm& vm, Args args) {
  return Fold<Operation>(vm, Value::Int(Operation::kUnit), args);
}

Value Subtract(Vm& vm, Args args) {
  if (args.size() > 1) return Fold<Minus>(vm, args[0], args.subspan(1));
  // Not 0 - x: the negative of 0.0 is -0.0.
  if (args[0].IsDouble()) return Value::Double(-args[0].AsDouble());
  return Fold<Minus>(vm, Value::Int(0), args);
}

bool IsZero(Value number) {
  return number.IsDouble() ? number.AsDouble() == 0 : ToInt64(number) == 0;
}

void DivideInto(Accumulator* acc, Value divisor) {
  if (!acc->is_float && !divisor.IsDouble()) {
    const int64_t d = ToInt64(divisor);
    // The one quotient that does not fit: the smallest integer by -1.
    const bool overflows = d == -1 && acc->integer == std::numeric_limits<int64_t>::min();
    if (!overflows && acc->integer % d == 0) {
      acc->integer /= d;
      return;
    }
  }
  acc->SetFloat(acc->AsFloat() / ToDouble(divisor));
}

Value Divide(Vm& vm, Args args) {
  for (Value v : args) {
    if (!IsNumber(v)) return Wrong(vm, "/", kNotANumber);
  }
  const bool is_reciprocal = args.size() == 1;
  Accumulator acc(is_reciprocal ? Value::Double(1) : args[0]);
  for (Value v : is_reciprocal ? args : args.subspan(1)) {
    if (IsZero(v)) return Wrong(vm, "/", "division by zero");
    DivideInto(&acc, v);
  }
  return acc.ToValue(vm);
}

// Integers as integers, mixed ones as floats.
template <class Relation>
bool Holds(Relation relation, Value a, Value b) {
  if (a.IsDouble() || b.IsDouble()) return relation(ToDouble(a), ToDouble(b));
  return relation(ToInt64(a), ToInt64(b));
}

template <class Relation>
Value Compare(Vm& vm, Args args, std::string_view name, Relation relation) {
  for (Value v : args) {
    if (!IsNumber(v)) return Wrong(vm, name, kNotANumber);
  }
  for (size_t i = 1; i < args.size(); ++i) {
    if (!Holds(relation, args[i - 1], args[i])) return Value::False();
  }
  return Value::True();
}

Value NumEqual(Vm& vm, Args args) {
  return Compare(vm, args, "=", [](auto a, auto b) { return a == b; });
}
Value Less(Vm& vm, Args args) {
  return Compare(vm, args, "<", [](auto a, auto b) { return a < b; });
}
Value Greater(Vm& vm, Args args) {
  return Compare(vm, args, ">", [](auto a, auto b) { return a > b; });
}
Value LessOrEqual(Vm& vm, Args args) {
  return Compare(vm, args, "<=", [](auto a, auto b) { return a <= b; });
}
Value GreaterOrEqual(Vm& vm, Args args) {
  return Compare(vm, args, ">=", [](auto a, auto b) { return a >= b; });
}

Value Abs(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "abs", kNotANumber);
  if (args[0].IsDouble()) return Value::Double(std::fabs(args[0].AsDouble()));
  return ToInt64(args[0]) < 0 ? Fold<Minus>(vm, Value::Int(0), args) : args[0];
}

// The extreme argument; a float if any argument is one.
template <class Relation>
Value Extreme(Vm& vm, Args args, std::string_view name, Relation precedes) {
  bool any_float = false;
  for (Value v : args) {
    if (!IsNumber(v)) return Wrong(vm, name, kNotANumber);
    any_float |= v.IsDouble();
  }
  Value best = args[0];
  for (Value v : args.subspan(1)) {
    if (Holds(precedes, v, best)) best = v;
  }
  return any_float ? Value::Double(ToDouble(best)) : best;
}

Value Min(Vm& vm, Args args) {
  return Extreme(vm, args, "min", [](auto a, auto b) { return a < b; });
}
Value Max(Vm& vm, Args args) {
  return Extreme(vm, args, "max", [](auto a, auto b) { return a > b; });
}

// The three integer divisions. Of floats they use what is given; of integers with a zero divisor
// they fail. `on_integers` never sees a divisor of 0 or -1.
template <class OnIntegers, class OnFloats>
Value Division(Vm& vm, Args args, std::string_view name, int64_t sign_of_negation,
               OnIntegers on_integers, OnFloats on_floats) {
  if (!IsNumber(args[0]) || !IsNumber(args[1])) return Wrong(vm, name, kNotANumber);
  if (args[0].IsDouble() || args[1].IsDouble()) {
    return Value::Double(on_floats(ToDouble(args[0]), ToDouble(args[1])));
  }
  const int64_t divisor = ToInt64(args[1]);
  if (divisor == 0) return Wrong(vm, name, "division by zero");
  // By -1, since the machine's own division traps on the smallest integer.
  if (divisor == -1) return sign_of_negation ? Subtract(vm, args.first(1)) : Value::Int(0);
  return vm.heap().Integer(on_integers(ToInt64(args[0]), divisor));
}

Value Modulo(Vm& vm, Args args) {
  const auto integers = [](int64_t a, int64_t b) {
    const int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  };
  return Division(vm, args, "modulo", 0, integers,
                  [](double a, double b) { return std::fmod(a, b); });
}

Value Remainder(Vm& vm, Args args) {
  return Division(
      vm, args, "remainder", 0, [](int64_t a, int64_t b) { return a % b; },
      [](double a, double b) { return std::remainder(a, b); });
}

Value Quotient(Vm& vm, Args args) {
  if (IsNumber(args[1]) && IsZero(args[1])) return Wrong(vm, "quotient", "division by zero");
  return Division(
      vm, args, "quotient", 1, [](int64_t a, int64_t b) { return a / b; },
      [](double a, double b) { return std::trunc(a / b); });
}

Value IsNumberP(Vm&, Args args) { return Value::Bool(IsNumber(args[0])); }

Value IsIntegerP(Vm&, Args args) {
  const Value v = args[0];
  if (!v.IsDouble()) return Value::Bool(IsInteger(v));
  return Value::Bool(std::isfinite(v.AsDouble()) && std::trunc(v.AsDouble()) == v.AsDouble());
}

template <class Relation>
Value CompareToZero(Vm& vm, Value v, std::string_view name, Relation relation) {
  if (!IsNumber(v)) return Wrong(vm, name, kNotANumber);
  return Value::Bool(Holds(relation, v, Value::Int(0)));
}

Value IsZeroP(Vm& vm, Args args) {
  return CompareToZero(vm, args[0], "zero?", [](auto a, auto b) { return a == b; });
}
Value IsPositive(Vm& vm, Args args) {
  return CompareToZero(vm, args[0], "positive?", [](auto a, auto b) { return a > b; });
}
Value IsNegative(Vm& vm, Args args) {
  return CompareToZero(vm, args[0], "negative?", [](auto a, auto b) { return a < b; });
}

// The radix in args[1], or 10. Nothing: failed.
std::optional<int> Radix(Vm& vm, Args args, std::string_view name) {
  if (args.size() < 2) return 10;
  if (args[1].IsInt() && args[1].AsInt() >= 2 && args[1].AsInt() <= 36) {
    return static_cast<int>(args[1].AsInt());
  }
  (void)Wrong(vm, name, "radix must be an integer from 2 to 36");
  return {};
}

Value NumberToString(Vm& vm, Args args) {
  if (!IsNumber(args[0])) return Wrong(vm, "number->string", kNotANumber);
  const std::optional<int> radix = Radix(vm, args, "number->string");
  if (!radix) return Value::Failure();
  std::string text;
  if (*radix != 10) {
    if (args[0].IsDouble()) return Wrong(vm, "number->string", "floats are written in radix 10");
    char digits[66];
    const auto end = std::to_chars(digits, std::end(digits), ToInt64(args[0]), *radix).ptr;
    return vm.String({digits, static_cast<size_t>(end - digits)});
  }
  if (args[0].IsDouble()) {
    AppendFloat(args[0].AsDouble(), &text);
  } else {
    AppendInteger(ToInt64(args[0]), &text);
  }
  return vm.String(text);
}

Value StringToNumber(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string->number", "argument is not a string");
  const std::optional<int> radix = Radix(vm, args, "string->number");
  if (!radix) return Value::Failure();
  if (*radix != 10) {
    const std::string_view text = StringView(args[0]);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), value, *radix);
    const bool whole = error == std::errc() && end == text.end() && !text.empty();
    return whole ? vm.heap().Integer(value) : Value::False();
  }
  const auto number = ParseNumberText(StringView(args[0]));
  if (const auto* integer = std::get_if<int64_t>(&number)) return vm.heap().Integer(*integer);
  if (const auto* real = std::get_if<double>(&number)) return Value::Double(*real);
  return Value::False();
}

constexpr NativeDef kNatives[] = {
    {"+", FoldFromUnit<Plus>, 0, kAnyCount, "(+ x ...): the sum"},
    {"*", FoldFromUnit<Times>, 0, kAnyCount, "(* x ...): the product"},
    {"-", Subtract, 1, kAnyCount, "(- x y ...): x less the others; of one argument, its negative"},
    {"/", Divide, 1, kAnyCount,
     "(/ x y ...): x divided by the others, an integer where exact; of one, its reciprocal"},
    {"=", NumEqual, 2, kAnyCount, "(= x y ...): whether all are the same number"},
    {"<", Less, 2, kAnyCount, "(< x y ...): whether they increase"},
    {">", Greater, 2, kAnyCount, "(> x y ...): whether they decrease"},
    {"<=", LessOrEqual, 2, kAnyCount, "(<= x y ...): whether they never decrease"},
    {">=", GreaterOrEqual, 2, kAnyCount, "(>= x y ...): whether they never increase"},
    {"abs", Abs, 1, 1, "(abs x): the magnitude"},
    {"min", Min, 2, kAnyCount, "(min x y ...): the smallest, a float if any argument is one"},
    {"max", Max, 2, kAnyCount, "(max x y ...): the largest, a float if any argument is one"},
    {"modulo", Modulo, 2, 2,
     "(modulo a b): the remainder with the sign of b; of floats, with the sign of a"},
    {"remainder", Remainder, 2, 2,
     "(remainder a b): the remainder with the sign of a; of floats, the IEEE remainder"},
    {"%quotient", Quotient, 2, 2, "(%quotient a b): a / b without its fraction"},
    {"number?", IsNumberP, 1, 1, "(number? v): whether v is a number"},
    {"integer?", IsIntegerP, 1, 1, "(integer? v): whether v is an integer or an integral float"},
    {"zero?", IsZeroP, 1, 1, "(zero? x): whether x = 0"},
    {"positive?", IsPositive, 1, 1, "(positive? x): whether x > 0"},
    {"negative?", IsNegative, 1, 1, "(negative? x): whether x < 0"},
    {"number->string", NumberToString, 1, 2,
     "(number->string x [radix]): as display shows it; an integer in another radix, 2 to 36"},
    {"string->number", StringToNumber, 1, 2,
     "(string->number s [radix]): the number that s spells, #f if none"},
};

}  // namespace

std::span<const NativeDef> NumberBuiltins() { return kNatives; }

}  // namespace eta
