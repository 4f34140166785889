// Block: 64 KiB of cells of one size class, and how it is swept. Part of the heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vm/object.h"

namespace eta {

// Cell sizes in bytes. The smallest holds a free run's head, the largest still packs 31 to a block.
// 288 is a full node of a persistent table.
inline constexpr uint16_t kCellSizes[] = {16,  24,  32,  40,  48,  64,  80,   96,  128,
                                          160, 192, 256, 288, 384, 512, 1024, 2048};
inline constexpr int kSizeClassCount = sizeof(kCellSizes) / sizeof(kCellSizes[0]);
inline constexpr size_t kMaxCellBytes = 2048;
inline constexpr uint8_t kLargeObject = 0xFF;

inline constexpr auto kSizeClasses = [] {
  std::array<uint8_t, kMaxCellBytes / 8 + 1> table{};
  int size_class = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    while (kCellSizes[size_class] < i * 8) ++size_class;
    table[i] = static_cast<uint8_t>(size_class);
  }
  return table;
}();

// The class of the smallest cell that holds `bytes`. REQUIRES: bytes <= kMaxCellBytes.
constexpr int SizeClassFor(size_t bytes) { return kSizeClasses[(bytes + 7) / 8]; }

// The head of a stretch of free cells, written over the first of them.
struct FreeRun : Object {
  uint32_t cell_count;
  FreeRun* next;
};
static_assert(sizeof(FreeRun) <= kCellSizes[0]);

class Block {
 public:
  static constexpr size_t kBytes = 64 * 1024;

  // Makes a block of free cells. REQUIRES: `memory` is kBytes of zeros, aligned to kBytes.
  static Block* New(void* memory, int size_class);

  // Frees the unmarked cells, unmarks the others, and returns the free runs, chained onto `tail`.
  // `*live` is the number of cells in use afterwards.
  FreeRun* Sweep(FreeRun* tail, size_t* live);

  int size_class() const { return size_class_; }
  size_t cell_bytes() const { return kCellSizes[size_class_]; }
  size_t cell_count() const { return (kBytes - kHeaderBytes) / cell_bytes(); }
  // True when `object` is the start of one of this block's cells.
  bool IsCell(const Object* object) const;

 private:
  static constexpr size_t kHeaderBytes = 64;
  char* cells() { return reinterpret_cast<char*>(this) + kHeaderBytes; }
  Object* cell(size_t i) { return reinterpret_cast<Object*>(cells() + i * cell_bytes()); }

  int size_class_;
};

}  // namespace eta
