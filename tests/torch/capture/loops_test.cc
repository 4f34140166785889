// Our loops give the bits of libtorch's kernels.
#include "torch/capture/loops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

namespace eta::tensor {
namespace {

template <class T>
void ExpectPooledAlike(const at::Tensor& x) {
  const auto [y, where] = at::max_pool2d_with_indices(x, {2, 2});
  const at::Tensor ours = at::empty_like(y), places = at::empty_like(where);
  MaxPool2x2(x.const_data_ptr<T>(), ours.mutable_data_ptr<T>(), places.mutable_data_ptr<int64_t>(),
             {x.size(0) * x.size(1), x.size(2), x.size(3)});
  EXPECT_TRUE(at::allclose(ours, y, 0, 0, /*equal_nan=*/true)) << x;
  EXPECT_TRUE(at::equal(places, where)) << x;
}

TEST(LoopsTest, PoolsTakeTheFirstOfTheLargestAndTheLastNan) {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (auto dtype : {at::kFloat, at::kDouble}) {
    for (const auto& sizes :
         std::vector<std::vector<int64_t>>{{2, 3, 8, 10}, {1, 2, 5, 7}, {3, 1, 2, 3}}) {
      const at::Tensor x = at::randint(-2, 3, sizes, dtype);  // ties
      const at::Tensor chosen = at::rand(sizes, dtype);
      for (double special : {0.0, nan, infinity, -infinity}) {
        const at::Tensor mixed = at::where(chosen < 0.3, at::full({}, special, dtype), x);
        dtype == at::kFloat ? ExpectPooledAlike<float>(mixed) : ExpectPooledAlike<double>(mixed);
      }
    }
  }
}

TEST(LoopsTest, SquaredDifferences) {
  const at::Tensor a = at::randn({1003}, at::kFloat), b = at::randn({1003}, at::kFloat);
  const at::Tensor ours = at::empty_like(a);
  SquaredDifferences(a.const_data_ptr<float>(), b.const_data_ptr<float>(),
                     ours.mutable_data_ptr<float>(), a.numel());
  EXPECT_TRUE(at::equal(ours, at::mse_loss(a, b, at::Reduction::None)));
}

}  // namespace
}  // namespace eta::tensor
