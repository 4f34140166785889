// InternTable: the strings of one heap by content. It holds them weakly: the collector drops those
// that nothing else refers to.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vm/object.h"

namespace eta {

// Hash of `bytes`, different for different seeds.
uint64_t HashBytes(std::string_view bytes, uint64_t seed);

class InternTable {
 public:
  // The string with these bytes, or null. `hash` is HashBytes of them.
  StringObject* Find(std::string_view bytes, uint64_t hash) const;
  // REQUIRES: no equal string is in the table.
  void Insert(StringObject* string);
  // Keeps the marked strings only.
  void DropUnmarked();
  size_t size() const { return size_; }

 private:
  void Place(StringObject* string);
  void Rehash(size_t capacity);

  std::vector<StringObject*> slots_;  // open addressing, a power of two long, at most half full
  size_t size_ = 0;
};

}  // namespace eta
