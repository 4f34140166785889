#include "vm/number_syntax.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

namespace eta {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSign(char c) { return c == '+' || c == '-'; }
char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

// +inf.0 -inf.0 +nan.0 -nan.0
std::optional<double> ParseSpecialFloat(std::string_view token) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (EqualsIgnoringCase(token, "+inf.0")) return kInfinity;
  if (EqualsIgnoringCase(token, "-inf.0")) return -kInfinity;
  if (EqualsIgnoringCase(token, "+nan.0") || EqualsIgnoringCase(token, "-nan.0")) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::nullopt;
}

size_t SkipDigits(std::string_view text, size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// Digits with a point, an exponent or both. `text` has no sign.
bool IsDecimalFloat(std::string_view text) {
  const size_t whole = SkipDigits(text, 0);
  size_t at = whole;
  bool has_digits = whole > 0;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = SkipDigits(text, at + 1);
    has_digits |= fraction > at + 1;
    at = fraction;
  }
  if (has_digits && at < text.size() && ToLower(text[at]) == 'e') {
    ++at;
    if (at < text.size() && IsSign(text[at])) ++at;
    if (at == text.size()) return false;
    at = SkipDigits(text, at);
  }
  return has_digits && at == text.size();
}

Number ParseFloat(std::string_view digits, bool negative) {
  double value = 0;
  const auto end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, value).ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(digits).c_str(), nullptr);  // tells underflow from overflow
  }
  if (std::isinf(value)) return BadNumber{"float literal out of range"};
  return negative ? -value : value;
}

Number ParseDecimal(std::string_view text) {
  if (auto special = ParseSpecialFloat(text)) return *special;
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = !text.empty() && IsSign(text[0]) ? text.substr(1) : text;
  if (digits.empty()) return BadNumber{"invalid number"};
  if (SkipDigits(digits, 0) < digits.size()) {
    return IsDecimalFloat(digits) ? ParseFloat(digits, negative) : BadNumber{"invalid number"};
  }
  const std::string_view signed_digits = negative ? text : digits;
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(signed_digits.data(), signed_digits.data() + signed_digits.size(), value);
  if (error == std::errc()) return value;
  return ParseFloat(digits, negative);  // too large for an integer
}

Number ParseRadix(std::string_view text, int radix) {
  if (text.starts_with("+-")) return BadNumber{"invalid number"};
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  if (error == std::errc::result_out_of_range) return BadNumber{"integer literal out of range"};
  if (error != std::errc() || end != text.data() + text.size()) {
    return BadNumber{"invalid number"};
  }
  return value;
}

int RadixOf(char prefix) {
  switch (prefix) {
    case 'b':
      return 2;
    case 'o':
      return 8;
    case 'd':
      return 10;
    case 'x':
      return 16;
    default:
      return 0;
  }
}

}  // namespace

bool LooksLikeNumber(std::string_view token) {
  if (token.size() >= 2 && token[0] == '#') {
    return std::string_view("bodxei").find(ToLower(token[1])) != std::string_view::npos;
  }
  if (ParseSpecialFloat(token)) return true;
  if (!token.empty() && IsSign(token[0])) token.remove_prefix(1);
  if (!token.empty() && token[0] == '.') token.remove_prefix(1);
  return !token.empty() && IsDigit(token[0]);
}

Number ParseNumber(std::string_view token) {
  int radix = 0;
  bool exactness = false;
  while (token.size() >= 2 && token[0] == '#') {
    const char prefix = ToLower(token[1]);
    const int prefix_radix = RadixOf(prefix);
    const bool is_exactness = prefix == 'e' || prefix == 'i';
    if ((prefix_radix == 0 && !is_exactness) || (is_exactness ? exactness : radix != 0)) {
      return BadNumber{"invalid number"};
    }
    if (is_exactness) exactness = true;
    if (prefix_radix != 0) radix = prefix_radix;
    token.remove_prefix(2);
  }
  return radix == 0 || radix == 10 ? ParseDecimal(token) : ParseRadix(token, radix);
}

}  // namespace eta
