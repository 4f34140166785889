#include "torch/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <malloc.h>

#include <cstdlib>
#include <mutex>

#include "torch/block_cache.h"

namespace eta::tensor {
namespace {

// libtorch's kernels expect this alignment of CPU memory.
constexpr size_t kAlignment = 64;
// Requests below this are not checked against the heap's limit: the collector sees their sum.
constexpr size_t kCheckedBytes = size_t{1} << 20;
// From this size on blocks come from LargeBlocks.
constexpr size_t kLargeBytes = size_t{512} << 10;
constexpr size_t kMostKeptBytes = size_t{512} << 20;

// Lies right before the memory that libtorch sees.
struct alignas(32) Header {
  void* base;  // of the malloc block
  MemoryAccount* account;
  size_t bytes;  // charged
};
static_assert(sizeof(Header) == 32);
// malloc aligns to 16, so the memory starts at most this far into the block.
constexpr size_t kOverhead = sizeof(Header) + kAlignment - 16;

Header* HeaderOf(void* memory) { return static_cast<Header*>(memory) - 1; }

// Never destroyed: tensors may be freed until the process ends.
BlockCache& LargeBlocks() {
  static auto* const cache = new BlockCache(kMostKeptBytes);
  return *cache;
}

bool IsLarge(size_t block_bytes) { return block_bytes >= kLargeBytes; }

void Free(void* memory) {
  if (memory == nullptr) return;
  Header header = *HeaderOf(memory);
  IsLarge(header.bytes) ? LargeBlocks().Put(header.base, header.bytes) : std::free(header.base);
  if (header.account) header.account->Credit(header.bytes);
}

// Of `bytes`, from malloc; null: there is no memory.
void* NewBlock(size_t bytes) {
  return IsLarge(bytes) ? LargeBlocks().Take(bytes) : std::malloc(bytes);
}

void* Allocate(size_t bytes) {
  MemoryAccount* account = MemoryAccount::OfThread();
  const bool admitted = account == nullptr || bytes < kCheckedBytes || account->Admits(bytes);
  void* base = admitted && bytes < SIZE_MAX - kOverhead ? NewBlock(bytes + kOverhead) : nullptr;
  TORCH_CHECK_WITH(OutOfMemoryError, base != nullptr, "out of memory: a tensor of ", bytes,
                   " bytes does not fit");
  const auto start = reinterpret_cast<uintptr_t>(base) + sizeof(Header) + kAlignment - 1;
  void* memory = reinterpret_cast<void*>(start & ~(kAlignment - 1));
  *HeaderOf(memory) = {base, account, bytes + kOverhead};
  if (account) account->Charge(bytes + kOverhead);
  return memory;
}

// What LargeBlocks is for large blocks: malloc keeps the others.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that malloc allows
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* memory = bytes == 0 ? nullptr : Allocate(bytes);
    return {memory, memory, &Free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

constinit thread_local MemoryAccount* thread_account = nullptr;

}  // namespace

// Gives the thread's share of its account back when the thread ends.
struct MemoryAccount::ThreadShare {
  ~ThreadShare() { SetOfThread(nullptr); }
};

MemoryAccount* MemoryAccount::OfThread() { return thread_account; }

void MemoryAccount::SetOfThread(MemoryAccount* account) {
  if (account == thread_account) return;
  if (account) {
    static thread_local ThreadShare share;
    // Relaxed: this thread holds the account through its owner; nothing is published.
    account->balance_.fetch_add(kShare, std::memory_order_relaxed);
  }
  MemoryAccount* before = thread_account;
  thread_account = account;
  if (before) before->Release(kShare);
}

void MemoryAccount::Close() {
  heap_ = nullptr;
  if (thread_account == this) SetOfThread(nullptr);
  Release(kShare);
}

bool MemoryAccount::Admits(size_t bytes) const {
  return heap_ == nullptr || heap_->CanAllocate(bytes);
}

void MemoryAccount::Charge(size_t bytes) {
  balance_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  Report();
}

void MemoryAccount::Credit(size_t bytes) {
  const bool mine = thread_account == this;  // then the thread's share keeps it alive
  Release(static_cast<int64_t>(bytes));
  if (mine) Report();
}

void MemoryAccount::Release(int64_t amount) {
  // Acquire-release: whoever deletes must see what all others did before.
  if (balance_.fetch_sub(amount, std::memory_order_acq_rel) == amount) delete this;
}

// Also tells the heap what other threads have credited since the last report.
void MemoryAccount::Report() {
  if (heap_ == nullptr) return;
  const int64_t now = bytes();
  heap_->AddExternalBytes(now - reported_);
  reported_ = now;
}

void InstallCountingAllocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    static CountingAllocator allocator;
    constexpr uint8_t kAbovePriorityOfTheDefault = 1;
    c10::SetCPUAllocator(&allocator, kAbovePriorityOfTheDefault);
    KeepFreedMemory();
  });
}

}  // namespace eta::tensor
