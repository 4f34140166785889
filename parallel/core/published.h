// Published<T>: a small value that one thread writes and others read at any time without making it
// wait: a sequence lock over atomic words. Text: a short piece of text to publish.
//
// Thread safety: Set from one thread; Get from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace eta::parallel {

template <class T>
class Published {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  void Set(const T& value) {
    uint64_t words[kWords] = {};
    std::memcpy(words, &value, sizeof(T));
    const uint64_t version = version_.load(std::memory_order_relaxed);  // only we write it
    version_.store(version + 1, std::memory_order_relaxed);
    // Release: a reader that sees one of these words also sees the odd version before it.
    for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
    // Release: a reader that sees this version sees all the words.
    version_.store(version + 2, std::memory_order_release);
  }

  T Get() const {
    uint64_t words[kWords];
    uint64_t before, after;
    do {
      before = version_.load(std::memory_order_acquire);
      // Acquire: keeps the second load of the version behind these.
      for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
      after = version_.load(std::memory_order_relaxed);
    } while (before != after || before % 2 != 0);
    T value;
    std::memcpy(static_cast<void*>(&value), words, sizeof(T));
    return value;
  }

 private:
  static constexpr size_t kWords = (sizeof(T) + 7) / 8;
  std::atomic<uint64_t> version_{0};
  std::atomic<uint64_t> words_[kWords] = {};
};

// At most 95 bytes; of a longer text the end is kept (in a script's place, that is what matters).
struct Text {
  char chars[96] = {};

  Text() = default;
  explicit Text(std::string_view text) {
    if (text.size() >= sizeof(chars)) text.remove_prefix(text.size() - (sizeof(chars) - 1));
    std::memcpy(chars, text.data(), text.size());
  }
  std::string str() const { return chars; }
  bool empty() const { return chars[0] == '\0'; }
};

}  // namespace eta::parallel
