#include "vm/block.h"

#include <sanitizer/asan_interface.h>

#include <new>

namespace eta {
namespace {

// What sweeping looks at again in a free cell. AddressSanitizer reports a use of the others.
constexpr size_t kSweptBytes = 8;
static_assert(sizeof(Object) <= kSweptBytes);

}  // namespace

Block* Block::New(void* memory, int size_class) {
  Block* block = new (memory) Block;
  block->size_class_ = size_class;
  return block;
}

FreeRun* Block::Sweep(FreeRun* tail, size_t* live) {
  const size_t step = cell_bytes();
  char* const end = cells() + cell_count() * step;
  size_t count = 0;
  for (char* at = cells(); at < end;) {
    auto* run = reinterpret_cast<FreeRun*>(at);
    if (run->marked) {
      run->marked = false;
      ++count;
      at += step;
      continue;
    }
    char* const begin = at;
    do {
      reinterpret_cast<Object*>(at)->kind = ObjectKind::kFree;
      ASAN_POISON_MEMORY_REGION(at + kSweptBytes, step - kSweptBytes);
      at += step;
    } while (at < end && !reinterpret_cast<Object*>(at)->marked);
    ASAN_UNPOISON_MEMORY_REGION(begin, sizeof(FreeRun));
    run->cell_count = static_cast<uint32_t>((at - begin) / step);
    run->next = tail;
    tail = run;
  }
  *live = count;
  return tail;
}

bool Block::IsCell(const Object* object) const {
  const auto* start = reinterpret_cast<const char*>(this) + kHeaderBytes;
  const auto offset = reinterpret_cast<const char*>(object) - start;
  return offset >= 0 && offset % cell_bytes() == 0 && offset / cell_bytes() < cell_count();
}

}  // namespace eta
