// Values as the bytes that they are in memory, one after the other, for other processes of the same
// job, which run the same program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace eta::parallel {

class PlainWriter {
 public:
  template <class T>
  void Add(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  template <class T>
  void AddAll(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    AddText({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  void AddText(std::string_view text) {
    Add(uint64_t{text.size()});
    bytes_ += text;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// REQUIRES: what is read was written so.
class PlainReader {
 public:
  explicit PlainReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T Get() {
    T value;
    std::memcpy(static_cast<void*>(&value), Take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  template <class T>
  std::vector<T> GetAll() {
    const std::string_view bytes = GetText();
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(static_cast<void*>(values.data()), bytes.data(), bytes.size());
    return values;
  }
  std::string_view GetText() { return Take(Get<uint64_t>()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view Take(uint64_t size) {
    ETA_CHECK(size <= rest_.size());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace eta::parallel
