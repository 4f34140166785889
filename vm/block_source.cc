#include "vm/block_source.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>

namespace eta {
namespace {

// Kept for reuse instead of being returned to the system.
constexpr size_t kSpareChunks = 2;

// Of the system, at a multiple of their number. The allocator would keep twice the addresses.
char* MapAligned(size_t bytes) {
  void* mapped =
      mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapped);
  const size_t before = -reinterpret_cast<uintptr_t>(begin) % bytes;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, bytes - before);
  return begin + before;
}

}  // namespace

BlockSource::~BlockSource() {
  for (const Chunk& chunk : chunks_) munmap(chunk.memory, kChunkBytes);
}

Block* BlockSource::Take(int size_class) {
  Chunk* chunk = free_blocks_ > 0 ? FreeChunk() : AddChunk();
  const int index = std::countr_zero(chunk->free);
  chunk->free &= ~(uint32_t{1} << index);
  --free_blocks_;
  char* memory = chunk->memory + index * Block::kBytes;
  ASAN_UNPOISON_MEMORY_REGION(memory, Block::kBytes);
  std::memset(memory, 0, Block::kBytes);
  return Block::New(memory, size_class);
}

void BlockSource::Give(Block* block) {
  char* const memory = reinterpret_cast<char*>(block);
  const auto chunk = std::ranges::upper_bound(chunks_, memory, {}, &Chunk::memory) - 1;
  chunk->free |= uint32_t{1} << (memory - chunk->memory) / Block::kBytes;
  ++free_blocks_;
  ASAN_POISON_MEMORY_REGION(memory, Block::kBytes);
  if (chunk->free == kAllFree && free_blocks_ > kSpareChunks * kBlocks) {
    munmap(chunk->memory, kChunkBytes);
    free_blocks_ -= kBlocks;
    chunks_.erase(chunk);
  }
}

BlockSource::Chunk* BlockSource::FreeChunk() {
  return &*std::ranges::find_if(chunks_, [](const Chunk& c) { return c.free != 0; });
}

BlockSource::Chunk* BlockSource::AddChunk() {
  char* const memory = MapAligned(kChunkBytes);
  // Where the system has none, small pages do.
  if (!chunks_.empty()) (void)madvise(memory, kChunkBytes, MADV_HUGEPAGE);
  free_blocks_ += kBlocks;
  const auto behind = std::ranges::upper_bound(chunks_, memory, {}, &Chunk::memory);
  return &*chunks_.insert(behind, {memory, kAllFree});
}

}  // namespace eta
