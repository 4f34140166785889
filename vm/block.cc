#include "vm/block.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

namespace eta {
namespace {

constexpr auto MakeClassTable() {
  std::array<uint8_t, kMaxCellBytes / 8 + 1> table{};
  int size_class = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    while (kCellSizes[size_class] < i * 8) ++size_class;
    table[i] = static_cast<uint8_t>(size_class);
  }
  return table;
}
constexpr auto kClassTable = MakeClassTable();

}  // namespace

int SizeClassFor(size_t bytes) { return kClassTable[(bytes + 7) / 8]; }

Block* Block::New(int size_class) {
  void* memory = std::aligned_alloc(kBytes, kBytes);
  if (memory == nullptr) throw std::bad_alloc();
  Block* block = new (memory) Block;
  block->Reset(size_class);
  return block;
}

void Block::Delete(Block* block) { std::free(block); }

void Block::Reset(int size_class) {
  size_class_ = size_class;
  for (size_t i = 0; i < cell_count(); ++i) {
    cell(i)->kind = ObjectKind::kFree;
    cell(i)->marked = false;
  }
}

FreeRun* Block::Sweep(FreeRun* tail, size_t* live) {
  FreeRun* run = nullptr;  // the run that the previous cell belongs to
  *live = 0;
  for (size_t i = 0, n = cell_count(); i < n; ++i) {
    Object* object = cell(i);
    if (object->marked) {
      object->marked = false;
      ++*live;
      run = nullptr;
      continue;
    }
    object->kind = ObjectKind::kFree;
    if (run != nullptr) {
      ++run->cell_count;
      continue;
    }
    run = static_cast<FreeRun*>(object);
    run->cell_count = 1;
    run->next = tail;
    tail = run;
  }
  return tail;
}

bool Block::IsCell(const Object* object) const {
  const auto* start = reinterpret_cast<const char*>(this) + kHeaderBytes;
  const auto offset = reinterpret_cast<const char*>(object) - start;
  return offset >= 0 && offset % cell_bytes() == 0 && offset / cell_bytes() < cell_count();
}

}  // namespace eta
