// Accounting of tensor memory. A heap sees a tensor as one small object, though it may keep
// gigabytes, and a small loss may keep a whole graph. So libtorch's CPU allocator is replaced by
// one that counts what it hands out and charges it to the isolate that asked.
//
// Each allocation carries a header that names its account, so a tensor that another thread frees
// is credited to the isolate that made it, also when that isolate is gone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "vm/heap.h"

namespace eta::tensor {

// What one isolate's tensors occupy. It outlives the isolate until its last allocation is freed.
// Thread safety: Credit may be called on any thread; all else on the thread that runs the isolate.
class MemoryAccount {
 public:
  // Reports to `heap` until Close.
  explicit MemoryAccount(Heap* heap) : heap_(heap) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // The account charged for the allocations of this thread; null: nobody's.
  static MemoryAccount* OfThread();
  static void SetOfThread(MemoryAccount* account);

  // Ends the reports. The object deletes itself with its last allocation; the caller must not touch
  // it again.
  void Close();

  // False: the heap's limit forbids it.
  bool Admits(size_t bytes) const;
  void Charge(size_t bytes);
  void Credit(size_t bytes);
  int64_t bytes() const { return balance_.load(std::memory_order_relaxed) & (kShare - 1); }

 private:
  struct ThreadShare;
  // What keeps the account alive besides bytes: its isolate (until Close), threads it is set on.
  static constexpr int64_t kShare = int64_t{1} << 50;

  ~MemoryAccount() = default;
  void Release(int64_t amount);
  void Report();

  Heap* heap_;
  int64_t reported_ = 0;
  // Bytes charged and not yet credited, plus shares; whoever takes it to zero deletes.
  std::atomic<int64_t> balance_{kShare};
};

// Makes libtorch allocate through the accounts. Once per process; later calls do nothing.
// Memory allocated earlier stays valid. A refusal is c10::OutOfMemoryError.
void InstallCountingAllocator();

}  // namespace eta::tensor
