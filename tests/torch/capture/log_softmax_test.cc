#include "torch/capture/log_softmax.h"

#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cstring>

namespace eta::tensor {
namespace {

using at::Tensor;

template <class T>
void ExpectLibtorchsBits(at::ScalarType type) {
  const RowKernel<T> kernel = FindLogSoftmax<T>();
  if (kernel == nullptr) GTEST_SKIP() << "there is none for this processor";
  for (const int64_t rows : {0, 1, 3, 32, 65}) {
    for (const int64_t columns : {1, 2, 3, 7, 8, 10, 15, 16, 17, 24, 33, 100, 1000}) {
      SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(columns));
      Tensor x = at::randn({rows, columns}, type).mul(20);
      if (rows > 0 && columns > 2) x[0][1] = -std::numeric_limits<double>::infinity();
      if (rows > 1) x[1][0] = std::numeric_limits<double>::quiet_NaN();
      if (rows > 2) x[2][0] = std::numeric_limits<double>::infinity();
      const Tensor expected = at::_log_softmax(x, 1, /*half_to_float=*/false);
      Tensor y = at::empty_like(x);
      kernel(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), rows, columns);
      EXPECT_EQ(std::memcmp(y.const_data_ptr(), expected.const_data_ptr(), y.nbytes()), 0);
      kernel(x.const_data_ptr<T>(), x.mutable_data_ptr<T>(), rows, columns);
      EXPECT_EQ(std::memcmp(x.const_data_ptr(), expected.const_data_ptr(), y.nbytes()), 0);
    }
  }
}

TEST(LogSoftmaxTest, HasLibtorchsBitsInFloat32) { ExpectLibtorchsBits<float>(at::kFloat); }
TEST(LogSoftmaxTest, HasLibtorchsBitsInFloat64) { ExpectLibtorchsBits<double>(at::kDouble); }

}  // namespace
}  // namespace eta::tensor
