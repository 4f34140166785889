// Whether MKL uses the kernels that the processor is best at, whoever has made it.
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <gtest/gtest.h>

// MKL's own; the code of the processor that it has kernels for, 0 if it knows none of its features.
extern "C" int mkl_serv_cpu_detect();

namespace eta::tensor {
namespace {

TEST(MklProcessorTest, WideVectorsAreUsedWhereTheProcessorHasThem) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512dq") == 0) GTEST_SKIP() << "the processor has no AVX-512";
  EXPECT_GT(mkl_serv_cpu_detect(), 0);
}

// Whole numbers, whose products are exact, so that all kernels have to agree; sizes beside those
// of vectors and blocks.
TEST(MklProcessorTest, ProductsAreRight) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const int64_t n : {1, 3, 17, 48, 65, 130}) {
      const auto left = at::arange(n * 67, type).remainder(17).sub(8).view({n, 67});
      const auto right = at::arange(67 * (n + 2), type).remainder(13).sub(6).view({67, n + 2});
      const auto expected = left.unsqueeze(2).mul(right.unsqueeze(0)).sum(1);
      EXPECT_TRUE(at::equal(at::mm(left, right), expected)) << n;
      EXPECT_TRUE(at::equal(at::mm(right.t(), left.t()), expected.t())) << n;
    }
  }
}

}  // namespace
}  // namespace eta::tensor
