// The mark that some editors put before UTF-8 text, and that means nothing there.
#pragma once

#include <string_view>

namespace eta {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

inline std::string_view WithoutByteOrderMark(std::string_view text) {
  return text.substr(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
}

}  // namespace eta
