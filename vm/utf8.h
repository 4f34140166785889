// UTF-8: one code point at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace eta {

// Unicode scalar values: no surrogates, nothing above 0x10FFFF.
constexpr bool IsScalarValue(uint32_t code_point) {
  return code_point < 0xD800 || (code_point > 0xDFFF && code_point <= 0x10FFFF);
}

// REQUIRES: IsScalarValue(code_point).
void AppendUtf8(uint32_t code_point, std::string* out);

// Decodes the code point that starts at `text[*position]` and moves `*position` behind it. False,
// with `*position` unmoved: the bytes there are not valid UTF-8. REQUIRES: *position < text.size().
bool DecodeUtf8(std::string_view text, size_t* position, uint32_t* code_point);

// The offset of the first byte that is not part of valid UTF-8; npos when there is none.
size_t FindInvalidUtf8(std::string_view text);

}  // namespace eta
