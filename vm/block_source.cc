#include "vm/block_source.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace eta {
namespace {

// Kept for reuse instead of being returned to the system.
constexpr size_t kSpareChunks = 2;

}  // namespace

BlockSource::~BlockSource() {
  for (const Chunk& chunk : chunks_) std::free(chunk.memory);
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
    std::free(chunk->memory);
    free_blocks_ -= kBlocks;
    chunks_.erase(chunk);
  }
}

BlockSource::Chunk* BlockSource::FreeChunk() {
  return &*std::ranges::find_if(chunks_, [](const Chunk& c) { return c.free != 0; });
}

BlockSource::Chunk* BlockSource::AddChunk() {
  auto* memory = static_cast<char*>(std::aligned_alloc(kChunkBytes, kChunkBytes));
  if (memory == nullptr) throw std::bad_alloc();
  // Where the system has none, small pages do.
  if (!chunks_.empty()) (void)madvise(memory, kChunkBytes, MADV_HUGEPAGE);
  free_blocks_ += kBlocks;
  const auto behind = std::ranges::upper_bound(chunks_, memory, {}, &Chunk::memory);
  return &*chunks_.insert(behind, {memory, kAllFree});
}

}  // namespace eta
