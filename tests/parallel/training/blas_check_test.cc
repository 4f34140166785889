#include "parallel/training/blas_check.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace eta::parallel {
namespace {

// The libtorch that all of this is built with must be usable by several threads.
TEST(BlasCheckTest, ProductsAreRightOnSeveralThreads) {
  std::vector<int> wrong(4, -1);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count] { count = CountWrongProducts(5 * kProductsToCheck); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::vector<int>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace eta::parallel
