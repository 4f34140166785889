#include "torch/block_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace eta::tensor {

void PreferHugePages(void* block, size_t bytes) {
  constexpr uintptr_t kHugePage = 2 << 20;
  const auto address = reinterpret_cast<uintptr_t>(block);
  const uintptr_t begin = (address + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t end = (address + bytes) & ~(kHugePage - 1);
  if (begin < end) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

BlockCache::~BlockCache() { Clear(); }

void* BlockCache::Take(size_t bytes) {
  if (void* kept = Find(bytes)) return kept;
  void* fresh = std::malloc(bytes);
  if (fresh == nullptr) {
    Clear();
    fresh = std::malloc(bytes);
  }
  if (fresh != nullptr) PreferHugePages(fresh, bytes);
  return fresh;
}

// The last one: it is the most likely to be in a cache still.
void* BlockCache::Find(size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(blocks_.rbegin(), blocks_.rend(),
                                  [&](const Block& block) { return block.bytes == bytes; });
  if (found == blocks_.rend()) return nullptr;
  void* memory = found->memory;
  bytes_ -= bytes;
  blocks_.erase(std::next(found).base());
  return memory;
}

void BlockCache::Put(void* block, size_t bytes) {
  std::vector<Block> dropped;
  {
    const std::lock_guard lock(mutex_);
    blocks_.push_back({block, bytes});
    bytes_ += bytes;
    auto first_kept = blocks_.begin();
    for (; bytes_ > most_bytes_; ++first_kept) bytes_ -= first_kept->bytes;
    dropped.assign(blocks_.begin(), first_kept);
    blocks_.erase(blocks_.begin(), first_kept);
  }
  for (const Block& old : dropped) std::free(old.memory);
}

size_t BlockCache::kept_bytes() {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void BlockCache::Clear() {
  const std::lock_guard lock(mutex_);
  for (const Block& block : blocks_) std::free(block.memory);
  blocks_.clear();
  bytes_ = 0;
}

}  // namespace eta::tensor
