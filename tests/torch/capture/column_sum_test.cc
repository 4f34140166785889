#include "torch/capture/column_sum.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

namespace eta::tensor {
namespace {

template <class T>
void ExpectLibtorchsBits(const at::Tensor& x) {
  const at::Tensor expected = x.sum(0), sum = at::empty_like(expected);
  SumColumns(x.const_data_ptr<T>(), x.size(0), x.size(1), sum.mutable_data_ptr<T>());
  EXPECT_EQ(std::memcmp(sum.const_data_ptr(), expected.const_data_ptr(), sum.nbytes()), 0)
      << x.sizes();
}

void ExpectLibtorchsBits(int64_t rows, int64_t columns) {
  at::Tensor x = at::randn({rows, columns}, at::kDouble);
  if (rows > 0) {
    x.select(1, 0).fill_(-0.0);
    x[rows / 2][columns - 1] = std::numeric_limits<double>::infinity();
    x[rows - 1][columns / 2] = std::nan("");
  }
  ExpectLibtorchsBits<double>(x);
  ExpectLibtorchsBits<float>(x.to(at::kFloat));
}

TEST(ColumnSumTest, HasLibtorchsBits) {
  at::set_num_threads(1);
  for (int64_t rows : {0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 256, 257, 1000, 5000}) {
    for (int64_t columns : {2, 3, 4, 5, 7, 8, 9, 10, 16, 17, 31, 32, 33, 64, 65, 100, 127, 250}) {
      ExpectLibtorchsBits(rows, columns);
    }
  }
}

TEST(ColumnSumTest, HasLibtorchsBitsForRandomSizes) {
  at::set_num_threads(1);
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    ExpectLibtorchsBits(static_cast<int64_t>(random() % 200),
                        static_cast<int64_t>(2 + random() % 300));
  }
}

}  // namespace
}  // namespace eta::tensor
