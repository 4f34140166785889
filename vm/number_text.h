// How a running program turns numbers into text and back. (vm/number_syntax.h has the literals of
// source files, whose rules are stricter.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace eta {

// Appends the shortest text that reads back to the same double, by Python's rule: exponent form
// when the exponent is below -4 or at least 16, otherwise plain, with ".0" when integral. Not
// finite: inf, -inf, nan.
void AppendFloat(double d, std::string* out);

void AppendInteger(int64_t i, std::string* out);

// An integer when all of `text` is one that fits, otherwise a float when all of it is one by C's
// strtod ("1e3", "0x10", "inf"), otherwise nothing. Leading blanks are skipped, as C does.
std::variant<std::monostate, int64_t, double> ParseNumberText(std::string_view text);

}  // namespace eta
