// BlockSource: where a heap's blocks come from. Part of the heap.
//
// Memory comes from the system in chunks of 2 MiB, the size of a huge page: the collector goes from
// object to object in no order, and with small pages would wait for the address of most of them
// too. Huge pages are asked for from the second chunk on, since they are touched as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vm/block.h"

namespace eta {

class BlockSource {
 public:
  BlockSource() = default;
  ~BlockSource();
  BlockSource(const BlockSource&) = delete;
  BlockSource& operator=(const BlockSource&) = delete;

  // A block of free cells. Throws std::bad_alloc.
  Block* Take(int size_class);
  // Takes back a block that holds no object. Chunks without blocks in use go back to the system,
  // but for a few.
  void Give(Block* block);

 private:
  static constexpr size_t kChunkBytes = size_t{2} << 20;
  static constexpr size_t kBlocks = kChunkBytes / Block::kBytes;

  struct Chunk {
    char* memory;
    uint32_t free;  // a bit for each block
  };
  static_assert(kBlocks == 32);
  static constexpr uint32_t kAllFree = UINT32_MAX;

  Chunk* FreeChunk();
  Chunk* AddChunk();

  std::vector<Chunk> chunks_;  // by address
  size_t free_blocks_ = 0;
};

}  // namespace eta
