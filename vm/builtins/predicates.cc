// What a value is, and when two are the same.
#include <algorithm>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/equality.h"

namespace eta {
namespace {

Value Eq(Vm&, Args args) { return Value::Bool(args[0] == args[1]); }
Value EqvP(Vm&, Args args) { return Value::Bool(Eqv(args[0], args[1])); }
Value EqualP(Vm& vm, Args args) { return Value::Bool(Equal(vm, args[0], args[1])); }
Value Not(Vm&, Args args) { return Value::Bool(args[0].IsFalse()); }

Value IsBoolean(Vm&, Args args) { return Value::Bool(args[0].IsBool()); }
Value IsStringP(Vm&, Args args) { return Value::Bool(IsString(args[0])); }
Value IsCharP(Vm&, Args args) { return Value::Bool(args[0].IsChar()); }
Value IsSymbolP(Vm&, Args args) { return Value::Bool(IsSymbol(args[0])); }
Value IsPairP(Vm&, Args args) { return Value::Bool(IsPair(args[0])); }
Value IsNull(Vm&, Args args) { return Value::Bool(args[0].IsNil()); }
Value IsVectorP(Vm&, Args args) { return Value::Bool(IsVector(args[0])); }
Value IsProcedureP(Vm&, Args args) { return Value::Bool(IsProcedure(args[0])); }

// Whether all arguments are of one kind, and the same.
Value AllSame(Vm& vm, Args args, std::string_view name, bool (*is_kind)(Value),
              std::string_view wrong) {
  for (Value v : args) {
    if (!is_kind(v)) return Wrong(vm, name, wrong);
  }
  return Value::Bool(std::ranges::all_of(args, [&](Value v) { return v == args[0]; }));
}
Value BooleansAreSame(Vm& vm, Args args) {
  return AllSame(
      vm, args, "boolean=?", [](Value v) { return v.IsBool(); }, "argument is not a boolean");
}
Value SymbolsAreSame(Vm& vm, Args args) {
  return AllSame(vm, args, "symbol=?", IsSymbol, "argument is not a symbol");
}

constexpr NativeDef kNatives[] = {
    {"eq?", Eq, 2, 2, "(eq? a b): whether they are the same object; strings count by content"},
    {"eqv?", EqvP, 2, 2, "(eqv? a b): eq?, or the same integer"},
    {"equal?", EqualP, 2, 2, "(equal? a b): whether they have the same structure and contents"},
    {"not", Not, 1, 1, "(not v): #t if v is #f, otherwise #f"},
    {"boolean?", IsBoolean, 1, 1, "(boolean? v): whether v is #t or #f"},
    {"boolean=?", BooleansAreSame, 2, kAnyCount, "(boolean=? a b ...): whether they are the same"},
    {"symbol=?", SymbolsAreSame, 2, kAnyCount, "(symbol=? a b ...): whether they are the same"},
    {"string?", IsStringP, 1, 1, "(string? v): whether v is a string"},
    {"char?", IsCharP, 1, 1, "(char? v): whether v is a character"},
    {"symbol?", IsSymbolP, 1, 1, "(symbol? v): whether v is a symbol"},
    {"procedure?", IsProcedureP, 1, 1, "(procedure? v): whether v can be called"},
    {"pair?", IsPairP, 1, 1, "(pair? v): whether v is a pair"},
    {"null?", IsNull, 1, 1, "(null? v): whether v is the empty list"},
    {"vector?", IsVectorP, 1, 1, "(vector? v): whether v is a vector"},
};

}  // namespace

std::span<const NativeDef> PredicateBuiltins() { return kNatives; }

}  // namespace eta
