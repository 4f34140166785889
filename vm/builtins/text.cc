// Strings as text: characters, case, searching, splitting. Indices count bytes, as everywhere;
// characters are code points, and a byte that is not part of any stands for itself.
#include <algorithm>
#include <optional>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/letter_case.h"
#include "vm/utf8.h"

namespace eta {
namespace {

constexpr std::string_view kNotAString = "argument is not a string";

uint32_t NextCharacter(std::string_view text, size_t* position) {
  uint32_t c;
  if (!DecodeUtf8(text, position, &c)) c = static_cast<uint8_t>(text[(*position)++]);
  return c;
}

// What of its first argument a procedure (f s [start [end]]) is about; nothing: failed.
std::optional<std::string_view> Slice(Vm& vm, Args args, std::string_view name) {
  if (!IsString(args[0])) {
    (void)Wrong(vm, name, kNotAString);
    return {};
  }
  const std::string_view text = StringView(args[0]);
  const auto end = args.size() > 2 ? IndexBelow(args[2], text.size() + 1) : text.size();
  const auto start = args.size() > 1 ? IndexBelow(args[1], end.value_or(0) + 1) : 0;
  if (!start || !end) {
    (void)Wrong(vm, name, "indices out of bounds");
    return {};
  }
  return text.substr(*start, *end - *start);
}

// Whether the first two arguments are strings; false: failed.
bool AreStrings(Vm& vm, Args args, std::string_view name) {
  if (IsString(args[0]) && IsString(args[1])) return true;
  (void)Wrong(vm, name, kNotAString);
  return false;
}

Value MakeString(Vm& vm, Args args) {
  const auto length = IndexBelow(args[0], kMaxStringBytes);
  const Value fill = args.size() > 1 ? args[1] : Value::Char(' ');
  if (!length) return Wrong(vm, "make-string", "length must be a non-negative integer");
  if (!fill.IsChar()) return Wrong(vm, "make-string", "argument is not a character");
  std::string one, text;
  AppendUtf8(fill.AsChar(), &one);
  if (!MakeRoomForString(vm, "make-string", *length * one.size())) return Value::Failure();
  for (size_t i = 0; i < *length; ++i) text += one;
  return vm.String(text);
}

Value StringP(Vm& vm, Args args) {
  std::string text;
  for (Value v : args) {
    if (!v.IsChar()) return Wrong(vm, "string", "argument is not a character");
    AppendUtf8(v.AsChar(), &text);
  }
  return vm.String(text);
}

Value StringCopy(Vm& vm, Args args) {
  const auto text = Slice(vm, args, "string-copy");
  return text ? vm.String(std::string(*text)) : Value::Failure();
}

Value StringToList(Vm& vm, Args args) {
  const auto text = Slice(vm, args, "string->list");
  if (!text) return Value::Failure();
  RootVector characters(vm.heap());
  for (size_t i = 0; i < text->size();) characters.push_back(Value::Char(NextCharacter(*text, &i)));
  return MakeListOf(vm, "string->list", characters.span());
}

Value StringToVector(Vm& vm, Args args) {
  const auto text = Slice(vm, args, "string->vector");
  if (!text) return Value::Failure();
  std::vector<Value> characters;
  for (size_t i = 0; i < text->size();) characters.push_back(Value::Char(NextCharacter(*text, &i)));
  const size_t bytes = VectorObject::Bytes(characters.size());
  if (!MakeRoom(vm, "string->vector", bytes)) return Value::Failure();
  const Value vector = vm.heap().Vector(characters.size(), Value::Nil());
  std::ranges::copy(characters, As<VectorObject>(vector)->elements);
  return vector;
}

Value ListToString(Vm& vm, Args args) {
  std::string text;
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) {
    if (!walk.item().IsChar()) return Wrong(vm, "list->string", "element is not a character");
    AppendUtf8(walk.item().AsChar(), &text);
  }
  if (!walk.IsProper()) return Wrong(vm, "list->string", "not a proper list");
  return vm.String(text);
}

template <class Function>
Value MapCharacters(Vm& vm, Args args, std::string_view name, Function f) {
  const auto text = Slice(vm, args.first(1), name);
  if (!text) return Value::Failure();
  std::string result;
  for (size_t i = 0; i < text->size();) AppendUtf8(f(NextCharacter(*text, &i)), &result);
  return vm.String(result);
}
Value StringUpcase(Vm& vm, Args args) {
  return MapCharacters(vm, args, "string-upcase", UpperCase);
}
Value StringDowncase(Vm& vm, Args args) {
  return MapCharacters(vm, args, "string-downcase", LowerCase);
}
Value StringFoldcase(Vm& vm, Args args) {
  return MapCharacters(vm, args, "string-foldcase", FoldCase);
}

std::string Folded(std::string_view text) {
  std::string folded;
  for (size_t i = 0; i < text.size();) AppendUtf8(FoldCase(NextCharacter(text, &i)), &folded);
  return folded;
}

// Whether the strings stand in this order, one after the other, whatever the case.
template <class Relation>
Value InFoldedOrder(Vm& vm, Args args, std::string_view name, Relation relation) {
  for (Value v : args) {
    if (!IsString(v)) return Wrong(vm, name, kNotAString);
  }
  bool holds = true;
  for (size_t i = 1; i < args.size() && holds; ++i) {
    holds = relation(Folded(StringView(args[i - 1])), Folded(StringView(args[i])));
  }
  return Value::Bool(holds);
}
Value SameLetters(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "string-ci=?", std::equal_to<>());
}
Value LettersBefore(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "string-ci<?", std::less<>());
}
Value LettersAfter(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "string-ci>?", std::greater<>());
}
Value LettersNotAfter(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "string-ci<=?", std::less_equal<>());
}
Value LettersNotBefore(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "string-ci>=?", std::greater_equal<>());
}

Value IsStringNull(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string-null?", kNotAString);
  return Value::Bool(StringView(args[0]).empty());
}

Value FoundAt(size_t position) {
  if (position == std::string_view::npos) return Value::False();
  return Value::Int(static_cast<int64_t>(position));
}

// (string-index s char-or-string [start])
Value StringIndex(Vm& vm, Args args) {
  std::string what;
  if (args[1].IsChar()) {
    AppendUtf8(args[1].AsChar(), &what);
  } else if (IsString(args[1])) {
    what = StringView(args[1]);
  } else {
    return Wrong(vm, "string-index", "argument is not a character or string");
  }
  if (!IsString(args[0])) return Wrong(vm, "string-index", kNotAString);
  const std::string_view text = StringView(args[0]);
  const auto start = args.size() > 2 ? IndexBelow(args[2], text.size() + 1) : 0;
  if (!start) return Wrong(vm, "string-index", "index out of bounds");
  return FoundAt(text.find(what, *start));
}

Value StringContains(Vm& vm, Args args) {
  if (!AreStrings(vm, args, "string-contains")) return Value::Failure();
  return FoundAt(StringView(args[0]).find(StringView(args[1])));
}

Value IsPrefix(Vm& vm, Args args) {
  if (!AreStrings(vm, args, "string-prefix?")) return Value::Failure();
  return Value::Bool(StringView(args[1]).starts_with(StringView(args[0])));
}

Value IsSuffix(Vm& vm, Args args) {
  if (!AreStrings(vm, args, "string-suffix?")) return Value::Failure();
  return Value::Bool(StringView(args[1]).ends_with(StringView(args[0])));
}

// The pieces between what separates them; without a separator, the words between white space.
Value StringSplit(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string-split", kNotAString);
  const std::string text(StringView(args[0]));
  RootVector pieces(vm.heap());
  if (args.size() == 1) {
    for (size_t i = 0, start = 0; i <= text.size();) {
      const size_t end = i;
      const bool space = i == text.size() || IsSpace(NextCharacter(text, &i));
      if (space && end > start) pieces.push_back(vm.String(text.substr(start, end - start)));
      if (space) start = i;
      if (end == text.size()) break;
    }
    return vm.heap().List(pieces.span());
  }
  std::string separator;
  if (args[1].IsChar()) AppendUtf8(args[1].AsChar(), &separator);
  if (IsString(args[1])) separator = StringView(args[1]);
  if (separator.empty()) {
    return Wrong(vm, "string-split", "separator must be a character or a string that is not empty");
  }
  size_t start = 0;
  for (size_t at; (at = text.find(separator, start)) != std::string::npos;) {
    pieces.push_back(vm.String(text.substr(start, at - start)));
    start = at + separator.size();
  }
  pieces.push_back(vm.String(text.substr(start)));
  return vm.heap().List(pieces.span());
}

Value StringJoin(Vm& vm, Args args) {
  const Value separator = args.size() > 1 ? args[1] : vm.String(" ");
  if (!IsString(separator)) return Wrong(vm, "string-join", "separator is not a string");
  std::string text;
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) {
    if (!IsString(walk.item())) return Wrong(vm, "string-join", "element is not a string");
    if (walk.rest() != args[0]) text += StringView(separator);
    text += StringView(walk.item());
    if (!MakeRoomForString(vm, "string-join", text.size())) return Value::Failure();
  }
  if (!walk.IsProper()) return Wrong(vm, "string-join", "not a proper list");
  return vm.String(text);
}

Value StringTrim(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "string-trim", kNotAString);
  const std::string text(StringView(args[0]));
  size_t start = text.size(), end = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (IsSpace(NextCharacter(text, &i))) continue;
    start = std::min(start, begin);
    end = i;
  }
  return vm.String(start < end ? text.substr(start, end - start) : "");
}

Value StringReplace(Vm& vm, Args args) {
  for (Value v : args) {
    if (!IsString(v)) return Wrong(vm, "string-replace", kNotAString);
  }
  const std::string_view text = StringView(args[0]), from = StringView(args[1]);
  if (from.empty()) return Wrong(vm, "string-replace", "there is nothing to look for");
  std::string result;
  size_t start = 0;
  for (size_t at; (at = text.find(from, start)) != std::string_view::npos;) {
    result.append(text.substr(start, at - start)).append(StringView(args[2]));
    start = at + from.size();
    if (!MakeRoomForString(vm, "string-replace", result.size())) return Value::Failure();
  }
  return vm.String(result.append(text.substr(start)));
}

constexpr NativeDef kNatives[] = {
    {"make-string", MakeString, 1, 2, "(make-string n [c]): n times the character (a space)"},
    {"string", StringP, 0, kAnyCount, "(string c ...): a string of the characters"},
    {"string-copy", StringCopy, 1, 3, "(string-copy s [start [end]]): the bytes from start to end"},
    {"string->list", StringToList, 1, 3, "(string->list s [start [end]]): its characters"},
    {"string->vector", StringToVector, 1, 3,
     "(string->vector s [start [end]]): its characters, in a vector"},
    {"list->string", ListToString, 1, 1, "(list->string cs): a string of the characters"},
    {"string-upcase", StringUpcase, 1, 1, "(string-upcase s): in capital letters"},
    {"string-downcase", StringDowncase, 1, 1, "(string-downcase s): in small letters"},
    {"string-foldcase", StringFoldcase, 1, 1, "(string-foldcase s): alike whatever the case"},
    {"string-ci=?", SameLetters, 2, kAnyCount, "(string-ci=? s ...): string=? whatever the case"},
    {"string-ci<?", LettersBefore, 2, kAnyCount, "(string-ci<? s ...): string<? whatever the case"},
    {"string-ci>?", LettersAfter, 2, kAnyCount, "(string-ci>? s ...): string>? whatever the case"},
    {"string-ci<=?", LettersNotAfter, 2, kAnyCount,
     "(string-ci<=? s ...): string<=? whatever the case"},
    {"string-ci>=?", LettersNotBefore, 2, kAnyCount,
     "(string-ci>=? s ...): string>=? whatever the case"},
    {"string-null?", IsStringNull, 1, 1, "(string-null? s): whether s is empty"},
    {"string-index", StringIndex, 2, 3,
     "(string-index s c [start]): where the character or string c first stands, #f if nowhere"},
    {"string-contains", StringContains, 2, 2,
     "(string-contains s t): where t first stands in s, #f if nowhere"},
    {"string-prefix?", IsPrefix, 2, 2, "(string-prefix? prefix s): whether s begins with it"},
    {"string-suffix?", IsSuffix, 2, 2, "(string-suffix? suffix s): whether s ends with it"},
    {"string-split", StringSplit, 1, 2,
     "(string-split s [separator]): the pieces between separators, or else the words"},
    {"string-join", StringJoin, 1, 2,
     "(string-join strings [separator]): all in one, the separator (a space) between them"},
    {"string-trim", StringTrim, 1, 1, "(string-trim s): without white space at its ends"},
    {"string-replace", StringReplace, 3, 3,
     "(string-replace s from to): with `to` wherever s has `from`"},
};

}  // namespace

std::span<const NativeDef> TextBuiltins() { return kNatives; }

}  // namespace eta
