#include "torch/lazy_zeros.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "tests/support/plain_parameters.h"
#include "torch/optimizer.h"

namespace eta::tensor {
namespace {

// The share of a tensor's whole pages that have memory.
double Resident(const Tensor& tensor) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(tensor.data_ptr()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(tensor.data_ptr()) + tensor.nbytes()) / page * page;
  std::vector<unsigned char> pages((end - begin) / page);
  EXPECT_EQ(mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()), 0);
  double resident = 0;
  for (unsigned char flags : pages) resident += flags & 1;
  return resident / static_cast<double>(pages.size());
}

TEST(LazyZerosTest, TakesRoomWhereItIsWritten) {
  constexpr int64_t kCount = 8 << 20;
  const Tensor zeros = LazyZeros(kCount, at::kFloat);
  EXPECT_EQ(Resident(zeros), 0);
  zeros.narrow(0, 0, kCount / 4).fill_(1);
  EXPECT_GE(Resident(zeros), 0.25);
  EXPECT_LE(Resident(zeros), 0.5);
  EXPECT_EQ(zeros.sum().item<double>(), kCount / 4);
}

TEST(LazyZerosTest, OnPagesNothingElseIs) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (const int64_t count : {1, 5, 5000}) {
    const Tensor zeros = ZerosOnPages(count, at::kDouble);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(zeros.data_ptr()) % page, 0u);
    EXPECT_EQ(zeros.sum().item<double>(), 0);
  }
  EXPECT_EQ(ZerosOnPages(0, at::kDouble).numel(), 0);
}

TEST(LazyZerosTest, SmallOnesAreZerosToo) {
  EXPECT_EQ(LazyZeros(0, at::kDouble).numel(), 0);
  EXPECT_EQ(LazyZeros(5, at::kDouble).sum().item<double>(), 0);
  EXPECT_EQ(LazyZeros(5, at::kHalf).scalar_type(), at::kHalf);
}

// A rank updates the slices that it owns.
TEST(LazyZerosTest, OptimizersHaveStateWhereTheyUpdate) {
  constexpr int64_t kCount = 4 << 20;
  const auto module = std::make_shared<PlainParameters>(std::vector<int64_t>{kCount});
  Optimizer optimizer(module, MakeAdam({}), std::make_shared<ArenaRegistry>(),
                      {.learning_rate = 0.1});
  optimizer.Prepare();
  for (int step = 0; step < 2; ++step) {
    optimizer.ZeroGradients();
    (*module)[0].sum().backward();
    optimizer.BeginUpdate(optimizer.TakeGradients());
    optimizer.UpdateRange(0, kCount / 2, kCount / 4 * 3);
  }
  for (int k = 0; k < 2; ++k) {
    EXPECT_GE(Resident(optimizer.segments()[0].tensors.state[k]), 0.25) << k;
    EXPECT_LE(Resident(optimizer.segments()[0].tensors.state[k]), 0.5) << k;
  }
}

}  // namespace
}  // namespace eta::tensor
