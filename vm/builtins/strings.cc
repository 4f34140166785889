// Strings (immutable bytes; lengths and indices count bytes), symbols and characters.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/utf8.h"

namespace eta {
namespace {

constexpr std::string_view kNotAString = "argument is not a string";

Value StringLength(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string-length", kNotAString);
  return Value::Int(static_cast<int64_t>(StringView(args[0]).size()));
}

Value StringAppend(Vm& vm, Args args) {
  size_t length = 0;
  for (Value v : args) {
    if (!IsString(v)) return Wrong(vm, "string-append", kNotAString);
    length += StringView(v).size();
  }
  if (!MakeRoomForString(vm, "string-append", length)) return Value::Failure();
  std::string text;
  text.reserve(length);
  for (Value v : args) text += StringView(v);
  return vm.String(text);
}

// Of (f s i ...).
Value NotAString(Vm& vm, std::string_view name, Args args) {
  const bool is_last = IsString(args.back());
  return Wrong(vm, name,
               std::string(kNotAString) + (is_last ? "; the string comes before the index" : ""));
}

Value StringRef(Vm& vm, Args args) {
  if (!IsString(args[0])) return NotAString(vm, "string-ref", args);
  const std::string_view text = StringView(args[0]);
  const auto index = IndexBelow(args[1], text.size());
  if (!index) return Wrong(vm, "string-ref", "index out of bounds");
  return Value::Char(static_cast<uint8_t>(text[*index]));
}

Value Substring(Vm& vm, Args args) {
  if (!IsString(args[0])) return NotAString(vm, "substring", args);
  const std::string_view text = StringView(args[0]);
  const auto end = IndexBelow(args[2], text.size() + 1);
  const auto start = IndexBelow(args[1], end.value_or(0) + 1);
  if (!start || !end) return Wrong(vm, "substring", "indices out of bounds");
  return vm.String(std::string(text.substr(*start, *end - *start)));
}

template <class Relation>
Value Compare(Vm& vm, Args args, std::string_view name, Relation relation) {
  if (!IsString(args[0]) || !IsString(args[1])) return Wrong(vm, name, kNotAString);
  return Value::Bool(relation(StringView(args[0]), StringView(args[1])));
}

Value Same(Vm& vm, Args args) { return Compare(vm, args, "string=?", std::equal_to<>()); }
Value Before(Vm& vm, Args args) { return Compare(vm, args, "string<?", std::less<>()); }
Value After(Vm& vm, Args args) { return Compare(vm, args, "string>?", std::greater<>()); }
Value NotAfter(Vm& vm, Args args) { return Compare(vm, args, "string<=?", std::less_equal<>()); }
Value NotBefore(Vm& vm, Args args) {
  return Compare(vm, args, "string>=?", std::greater_equal<>());
}

Value SymbolToString(Vm& vm, Args args) {
  if (!IsSymbol(args[0])) return Wrong(vm, "symbol->string", "argument is not a symbol");
  return vm.String(SymbolName(args[0]));
}

Value StringToSymbol(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string->symbol", kNotAString);
  return vm.Symbol(StringView(args[0]));
}

Value CharToInteger(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "char->integer", "argument is not a character");
  return Value::Int(args[0].AsChar());
}

Value IntegerToChar(Vm& vm, Args args) {
  const auto code_point = IndexBelow(args[0], 0x110000);
  if (!code_point || !IsScalarValue(static_cast<uint32_t>(*code_point))) {
    return Wrong(vm, "integer->char", "argument is not a Unicode scalar value");
  }
  return Value::Char(static_cast<uint32_t>(*code_point));
}

constexpr NativeDef kNatives[] = {
    {"string-length", StringLength, 1, 1, "(string-length s): its length in bytes"},
    {"string-append", StringAppend, 0, kAnyCount, "(string-append s ...): the strings in one"},
    {"string-ref", StringRef, 2, 2, "(string-ref s i): the byte at i, as a character"},
    {"substring", Substring, 3, 3, "(substring s start end): the bytes from start up to end"},
    {"string=?", Same, 2, 2, "(string=? a b): whether they have the same bytes"},
    {"string<?", Before, 2, 2, "(string<? a b): whether a comes before b, by bytes"},
    {"string>?", After, 2, 2, "(string>? a b): whether a comes after b, by bytes"},
    {"string<=?", NotAfter, 2, 2, "(string<=? a b): whether a does not come after b"},
    {"string>=?", NotBefore, 2, 2, "(string>=? a b): whether a does not come before b"},
    {"symbol->string", SymbolToString, 1, 1, "(symbol->string sym): its name"},
    {"string->symbol", StringToSymbol, 1, 1, "(string->symbol s): the symbol of that name"},
    {"char->integer", CharToInteger, 1, 1, "(char->integer c): its code point"},
    {"integer->char", IntegerToChar, 1, 1, "(integer->char n): the character of that code point"},
};

}  // namespace

std::span<const NativeDef> StringBuiltins() { return kNatives; }

}  // namespace eta
