// BlockCache: large blocks that were freed, kept for who asks for that size next. A training step
// frees and asks for the same blocks again, while malloc gives them back to the system, which hands
// them out anew page by page, zeroed: often more work than what they are for. New ones are placed
// on huge pages if the system gives these to those who ask.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace eta::tensor {

// Thread safety: any thread.
class BlockCache {
 public:
  // Keeps at most `most_bytes` in all.
  explicit BlockCache(size_t most_bytes) : most_bytes_(most_bytes) {}
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // A block of exactly that size from malloc; null: there is no memory.
  void* Take(size_t bytes);
  // Gives it back. Those that were given back first make room for it.
  void Put(void* block, size_t bytes);

  size_t kept_bytes();

 private:
  struct Block {
    void* memory;
    size_t bytes;
  };
  void* Find(size_t bytes);
  void Clear();

  const size_t most_bytes_;
  std::mutex mutex_;
  std::vector<Block> blocks_;  // in the order in which they came
  size_t bytes_ = 0;
};

// Touching new memory costs a page fault for each page, and reading it a translation; where the
// system gives huge pages to those who ask, large blocks have 512 times fewer of either.
void PreferHugePages(void* block, size_t bytes);

}  // namespace eta::tensor
