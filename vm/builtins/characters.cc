// Characters: comparison, classes and case, by Unicode.
#include <clocale>
#include <cwctype>
#include <functional>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/letter_case.h"

namespace eta {

uint32_t UpperCase(uint32_t code_point) {
  return static_cast<uint32_t>(towupper_l(static_cast<wint_t>(code_point), UnicodeLocale()));
}

uint32_t LowerCase(uint32_t code_point) {
  return static_cast<uint32_t>(towlower_l(static_cast<wint_t>(code_point), UnicodeLocale()));
}

uint32_t FoldCase(uint32_t code_point) { return LowerCase(UpperCase(code_point)); }

bool IsSpace(uint32_t code_point) {
  return iswspace_l(static_cast<wint_t>(code_point), UnicodeLocale()) != 0;
}

// glibc has this locale built in or ships it with the C library's own files; it is never freed.
locale_t UnicodeLocale() {
  static const locale_t locale = [] {
    const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return unicode ? unicode : newlocale(LC_CTYPE_MASK, "C", nullptr);
  }();
  return locale;
}

namespace {

constexpr std::string_view kNotAChar = "argument is not a character";

// Whether the characters stand in this order, one after the other.
template <class Relation>
Value InOrder(Vm& vm, Args args, std::string_view name, Relation relation) {
  for (Value v : args) {
    if (!v.IsChar()) return Wrong(vm, name, kNotAChar);
  }
  for (size_t i = 1; i < args.size(); ++i) {
    if (!relation(args[i - 1].AsChar(), args[i].AsChar())) return Value::False();
  }
  return Value::True();
}

Value Same(Vm& vm, Args args) { return InOrder(vm, args, "char=?", std::equal_to<>()); }
Value Before(Vm& vm, Args args) { return InOrder(vm, args, "char<?", std::less<>()); }
Value After(Vm& vm, Args args) { return InOrder(vm, args, "char>?", std::greater<>()); }
Value NotAfter(Vm& vm, Args args) { return InOrder(vm, args, "char<=?", std::less_equal<>()); }
Value NotBefore(Vm& vm, Args args) { return InOrder(vm, args, "char>=?", std::greater_equal<>()); }
// The same whatever the case.
template <class Relation>
Value InFoldedOrder(Vm& vm, Args args, std::string_view name, Relation relation) {
  return InOrder(vm, args, name,
                 [relation](uint32_t a, uint32_t b) { return relation(FoldCase(a), FoldCase(b)); });
}
Value SameLetter(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "char-ci=?", std::equal_to<>());
}
Value LetterBefore(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "char-ci<?", std::less<>());
}
Value LetterAfter(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "char-ci>?", std::greater<>());
}
Value LetterNotAfter(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "char-ci<=?", std::less_equal<>());
}
Value LetterNotBefore(Vm& vm, Args args) {
  return InFoldedOrder(vm, args, "char-ci>=?", std::greater_equal<>());
}

template <class Class>
Value IsOfClass(Vm& vm, Args args, std::string_view name, Class is_in) {
  if (!args[0].IsChar()) return Wrong(vm, name, kNotAChar);
  return Value::Bool(is_in(static_cast<wint_t>(args[0].AsChar())));
}

Value IsAlphabetic(Vm& vm, Args args) {
  return IsOfClass(vm, args, "char-alphabetic?",
                   [](wint_t c) { return iswalpha_l(c, UnicodeLocale()) != 0; });
}
Value IsNumeric(Vm& vm, Args args) {
  return IsOfClass(vm, args, "char-numeric?", [](wint_t c) { return c >= '0' && c <= '9'; });
}
Value IsWhitespace(Vm& vm, Args args) {
  return IsOfClass(vm, args, "char-whitespace?", [](wint_t c) { return IsSpace(c); });
}
Value IsUpperCase(Vm& vm, Args args) {
  return IsOfClass(vm, args, "char-upper-case?",
                   [](wint_t c) { return iswupper_l(c, UnicodeLocale()) != 0; });
}
Value IsLowerCase(Vm& vm, Args args) {
  return IsOfClass(vm, args, "char-lower-case?",
                   [](wint_t c) { return iswlower_l(c, UnicodeLocale()) != 0; });
}

Value Upcase(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "char-upcase", kNotAChar);
  return Value::Char(UpperCase(args[0].AsChar()));
}
Value Downcase(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "char-downcase", kNotAChar);
  return Value::Char(LowerCase(args[0].AsChar()));
}
Value Foldcase(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "char-foldcase", kNotAChar);
  return Value::Char(FoldCase(args[0].AsChar()));
}

Value DigitValue(Vm& vm, Args args) {
  if (!args[0].IsChar()) return Wrong(vm, "digit-value", kNotAChar);
  const uint32_t c = args[0].AsChar();
  return c >= '0' && c <= '9' ? Value::Int(c - '0') : Value::False();
}

constexpr NativeDef kNatives[] = {
    {"char=?", Same, 1, kAnyCount, "(char=? c ...): whether all are the same"},
    {"char<?", Before, 1, kAnyCount, "(char<? c ...): whether their code points increase"},
    {"char>?", After, 1, kAnyCount, "(char>? c ...): whether their code points decrease"},
    {"char<=?", NotAfter, 1, kAnyCount, "(char<=? c ...): whether they never decrease"},
    {"char>=?", NotBefore, 1, kAnyCount, "(char>=? c ...): whether they never increase"},
    {"char-ci=?", SameLetter, 1, kAnyCount, "(char-ci=? c ...): char=? whatever the case"},
    {"char-ci<?", LetterBefore, 1, kAnyCount, "(char-ci<? c ...): char<? whatever the case"},
    {"char-ci>?", LetterAfter, 1, kAnyCount, "(char-ci>? c ...): char>? whatever the case"},
    {"char-ci<=?", LetterNotAfter, 1, kAnyCount, "(char-ci<=? c ...): char<=? whatever the case"},
    {"char-ci>=?", LetterNotBefore, 1, kAnyCount, "(char-ci>=? c ...): char>=? whatever the case"},
    {"char-alphabetic?", IsAlphabetic, 1, 1, "(char-alphabetic? c): whether c is a letter"},
    {"char-numeric?", IsNumeric, 1, 1, "(char-numeric? c): whether c is a digit from 0 to 9"},
    {"char-whitespace?", IsWhitespace, 1, 1, "(char-whitespace? c): whether c is white space"},
    {"char-upper-case?", IsUpperCase, 1, 1, "(char-upper-case? c): whether c is a capital letter"},
    {"char-lower-case?", IsLowerCase, 1, 1, "(char-lower-case? c): whether c is a small letter"},
    {"char-upcase", Upcase, 1, 1, "(char-upcase c): its capital letter, or c"},
    {"char-downcase", Downcase, 1, 1, "(char-downcase c): its small letter, or c"},
    {"char-foldcase", Foldcase, 1, 1, "(char-foldcase c): alike for letters of either case"},
    {"digit-value", DigitValue, 1, 1, "(digit-value c): what the digit counts, #f if c is none"},
};

}  // namespace

std::span<const NativeDef> CharacterBuiltins() { return kNatives; }

}  // namespace eta
