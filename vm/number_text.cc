#include "vm/number_text.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace eta {
namespace {

// Exponents from here on, and below kMinPlainExponent, are written out.
constexpr int kMaxPlainExponent = 15;
constexpr int kMinPlainExponent = -4;

// "1.2345e+06" in parts: its digits without the point, and the exponent.
struct Decimal {
  std::string digits;
  int exponent;
};

Decimal ShortestDecimal(double magnitude) {
  char buffer[32];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof(buffer), magnitude, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  Decimal decimal{std::string(text.substr(0, 1)),
                  std::atoi(std::string(text.substr(e + 1)).c_str())};
  if (e > 2) decimal.digits += text.substr(2, e - 2);
  return decimal;
}

void AppendPlain(const Decimal& decimal, std::string* out) {
  const std::string& digits = decimal.digits;
  if (decimal.exponent < 0) {
    *out += "0." + std::string(static_cast<size_t>(-decimal.exponent - 1), '0') + digits;
    return;
  }
  const size_t whole = static_cast<size_t>(decimal.exponent) + 1;
  if (digits.size() <= whole) {
    *out += digits + std::string(whole - digits.size(), '0') + ".0";
  } else {
    *out += digits.substr(0, whole) + "." + digits.substr(whole);
  }
}

void AppendExponentForm(const Decimal& decimal, std::string* out) {
  *out += decimal.digits[0];
  if (decimal.digits.size() > 1) *out += "." + decimal.digits.substr(1);
  *out += decimal.exponent < 0 ? "e-" : "e+";
  const int exponent = std::abs(decimal.exponent);
  if (exponent < 10) *out += '0';
  *out += std::to_string(exponent);
}

}  // namespace

void AppendFloat(double d, std::string* out) {
  if (std::isnan(d)) {
    *out += "nan";
    return;
  }
  if (std::signbit(d)) *out += '-';
  if (std::isinf(d)) {
    *out += "inf";
    return;
  }
  const Decimal decimal = ShortestDecimal(std::fabs(d));
  if (decimal.exponent < kMinPlainExponent || decimal.exponent > kMaxPlainExponent) {
    AppendExponentForm(decimal, out);
  } else {
    AppendPlain(decimal, out);
  }
}

void AppendInteger(int64_t i, std::string* out) {
  char buffer[24];
  *out += std::string_view(buffer, std::to_chars(buffer, buffer + sizeof(buffer), i).ptr - buffer);
}

std::variant<std::monostate, int64_t, double> ParseNumberText(std::string_view text) {
  const std::string copy(text);  // with a NUL behind it
  const char* const last = copy.c_str() + copy.size();
  if (copy.empty()) return {};
  char* end;
  errno = 0;
  const long long integer = std::strtoll(copy.c_str(), &end, 10);
  if (end == last && errno == 0) return int64_t{integer};
  const double real = std::strtod(copy.c_str(), &end);
  if (end == last) return real;
  return {};
}

}  // namespace eta
