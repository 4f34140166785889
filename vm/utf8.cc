#include "vm/utf8.h"

#include "base/check.h"

namespace eta {

void AppendUtf8(uint32_t code_point, std::string* out) {
  ETA_DCHECK(IsScalarValue(code_point));
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)));
  };
  if (code_point < 0x80) {
    out->push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code_point >> 6)));
    tail(0);
  } else if (code_point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code_point >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0 | (code_point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

bool DecodeUtf8(std::string_view text, size_t* position, uint32_t* code_point) {
  const auto lead = static_cast<unsigned char>(text[*position]);
  if (lead < 0x80) {
    *code_point = lead;
    ++*position;
    return true;
  }
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || *position + length > text.size()) return false;
  uint32_t value = lead & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[*position + i]);
    if ((byte & 0xC0) != 0x80) return false;
    value = value << 6 | (byte & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || !IsScalarValue(value)) return false;  // overlong or no character
  *position += length;
  *code_point = value;
  return true;
}

size_t FindInvalidUtf8(std::string_view text) {
  size_t position = 0;
  uint32_t code_point;
  while (position < text.size()) {
    if (!DecodeUtf8(text, &position, &code_point)) return position;
  }
  return std::string_view::npos;
}

}  // namespace eta
