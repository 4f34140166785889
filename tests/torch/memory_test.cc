#include "torch/memory.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "torch/lazy_zeros.h"

namespace eta::tensor {
namespace {

constexpr int64_t kMebi = int64_t{1} << 20;

class NoRoots : public RootSource {
  void TraceRoots(Marker&) override {}
};

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() {
    InstallCountingAllocator();
    heap_.emplace(&roots_, Heap::Options{.limit_bytes = size_t{64} << 20});
    account_ = new MemoryAccount(&*heap_);
    MemoryAccount::SetOfThread(account_);
  }
  ~MemoryTest() override {
    MemoryAccount::SetOfThread(nullptr);
    account_->Close();
  }
  at::Tensor Mebibytes(int64_t count) { return at::empty({count * kMebi}, at::kByte); }

  NoRoots roots_;
  std::optional<Heap> heap_;
  MemoryAccount* account_;
};

TEST_F(MemoryTest, ZerosThatTakeNoRoomYetCountInFull) {
  {
    const at::Tensor zeros = LazyZeros(3 * kMebi, at::kByte);
    EXPECT_EQ(account_->bytes(), 3 * kMebi);
    EXPECT_THROW(LazyZeros(100 * kMebi, at::kByte), c10::OutOfMemoryError);
  }
  EXPECT_EQ(account_->bytes(), 0);
}

TEST_F(MemoryTest, TheHeapSeesWhatTensorsOccupy) {
  const size_t before = heap_->used_bytes();
  at::Tensor tensor = Mebibytes(3);
  EXPECT_GE(heap_->used_bytes() - before, size_t{3 * kMebi});
  EXPECT_LT(heap_->used_bytes() - before, size_t{3 * kMebi} + 4096);
  tensor.reset();
  EXPECT_EQ(heap_->used_bytes(), before);
}

TEST_F(MemoryTest, MemoryIsAlignedForVectorCode) {
  for (int64_t bytes : {1, 7, 64, 100, 4096, 100000}) {
    const at::Tensor tensor = at::empty({bytes}, at::kByte);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 64, 0u) << bytes;
  }
}

TEST_F(MemoryTest, ATensorFreedElsewhereIsCreditedToItsMaker) {
  const size_t before = heap_->used_bytes();
  at::Tensor tensor = Mebibytes(3);
  std::thread([&] { tensor.reset(); }).join();
  EXPECT_EQ(account_->bytes(), 0);
  const at::Tensor next = at::empty({1}, at::kByte);  // the heap hears of it now
  EXPECT_LT(heap_->used_bytes() - before, size_t{4096});
}

TEST_F(MemoryTest, ThreadsWithoutAnAccountAreNotCharged) {
  at::Tensor tensor;
  std::thread([&] { tensor = Mebibytes(3); }).join();
  EXPECT_EQ(account_->bytes(), 0);
}

TEST_F(MemoryTest, ATensorOutlivesItsIsolate) {
  const at::Tensor tensor = Mebibytes(1);
  MemoryAccount* account = account_;
  account_ = new MemoryAccount(&*heap_);
  account->Close();
  tensor.fill_(1);
  EXPECT_EQ(MemoryAccount::OfThread(), nullptr);
}

TEST_F(MemoryTest, TheLimitRefusesALargeTensor) {
  const at::Tensor kept = Mebibytes(40);
  EXPECT_THROW(Mebibytes(40), c10::OutOfMemoryError);
  EXPECT_NO_THROW(Mebibytes(10));
}

TEST_F(MemoryTest, AnAbsurdSizeIsRefused) {
  MemoryAccount::SetOfThread(nullptr);
  EXPECT_THROW(at::empty({int64_t{1} << 60}, at::kByte), c10::OutOfMemoryError);
}

}  // namespace
}  // namespace eta::tensor
