// How numbers are written in a program.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

namespace eta {

// What a token that should be a number says: an integer, a float, or why it is neither.
struct BadNumber {
  std::string_view reason;
};
using Number = std::variant<int64_t, double, BadNumber>;

// True when `token` has to be a number: it starts with a digit, `.5` or either of them signed, is
// `+inf.0` or its like, or starts with a radix or exactness prefix.
bool LooksLikeNumber(std::string_view token);

// REQUIRES: LooksLikeNumber(token).
Number ParseNumber(std::string_view token);

}  // namespace eta
