#include "vm/intern_table.h"

#include <cstring>
#include <utility>

namespace eta {

// Multiply-and-fold over eight bytes at a time, after wyhash
// (https://github.com/wangyi-fudan/wyhash).
uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kA = 0xa0761d6478bd642f, kB = 0xe7037ed1a0b428db;
  auto fold = [](uint64_t x, uint64_t y) {
    const auto product = static_cast<unsigned __int128>(x) * y;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t h = seed ^ kA ^ bytes.size();
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t n = bytes.size() < 8 ? bytes.size() : 8;
    std::memcpy(&word, bytes.data(), n);
    h = fold(h ^ word, kB);
    bytes.remove_prefix(n);
  }
  return fold(h ^ kA, kB);
}

StringObject* InternTable::Find(std::string_view bytes, uint64_t hash) const {
  if (slots_.empty()) return nullptr;
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask; slots_[i] != nullptr; i = (i + 1) & mask) {
    if (slots_[i]->hash == hash && slots_[i]->view() == bytes) return slots_[i];
  }
  return nullptr;
}

void InternTable::Insert(StringObject* string) {
  if ((size_ + 1) * 2 > slots_.size()) Rehash(slots_.empty() ? 1024 : slots_.size() * 2);
  Place(string);
  ++size_;
}

void InternTable::DropUnmarked() {
  size_t kept = 0;
  for (StringObject*& string : slots_) {
    if (string != nullptr && !string->marked) string = nullptr;
    kept += string != nullptr;
  }
  if (kept == size_) return;
  size_ = kept;
  Rehash(slots_.size());
}

void InternTable::Place(StringObject* string) {
  const size_t mask = slots_.size() - 1;
  size_t i = string->hash & mask;
  while (slots_[i] != nullptr) i = (i + 1) & mask;
  slots_[i] = string;
}

void InternTable::Rehash(size_t capacity) {
  std::vector<StringObject*> old = std::exchange(slots_, std::vector<StringObject*>(capacity));
  for (StringObject* string : old) {
    if (string != nullptr) Place(string);
  }
}

}  // namespace eta
