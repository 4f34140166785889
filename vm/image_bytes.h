// The bytes of an image, written and read one after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace eta {

class ByteWriter {
 public:
  void Byte(uint8_t byte) { bytes_ += static_cast<char>(byte); }
  // Of as many bytes as it takes, 7 bits in each.
  void Number(uint64_t number) {
    for (; number >= 0x80; number >>= 7) Byte(static_cast<uint8_t>(number | 0x80));
    Byte(static_cast<uint8_t>(number));
  }
  void Fixed(uint64_t number, int bytes = 8) {
    for (int i = 0; i < bytes; ++i) Byte(static_cast<uint8_t>(number >> 8 * i));
  }
  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// After anything that is not there, `failed()` is true and everything reads as zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  uint64_t Number() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      number |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return number;
    }
    return Fail();
  }
  // One that fits 32 bits.
  uint32_t Number32() {
    const uint64_t number = Number();
    return number > UINT32_MAX ? Fail() : static_cast<uint32_t>(number);
  }
  uint64_t Fixed(int bytes = 8) {
    uint64_t number = 0;
    for (int i = 0; i < bytes; ++i) number |= uint64_t{Byte()} << 8 * i;
    return number;
  }
  // How many things follow, of which each takes a byte at least.
  size_t Count() {
    const uint64_t count = Number();
    return count > rest_.size() ? Fail() : count;
  }
  std::string_view Text() {
    const size_t size = Count();
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  std::string_view rest() const { return rest_; }
  bool failed() const { return failed_; }
  uint8_t Fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace eta
