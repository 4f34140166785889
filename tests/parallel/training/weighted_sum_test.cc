#include "parallel/training/weighted_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cstring>

#include "parallel/core/reduce.h"
#include "parallel/training/dtypes.h"

namespace eta::parallel {
namespace {

constexpr int64_t kCount = 1003;

const std::byte* BytesOf(const at::Tensor& tensor) {
  return static_cast<const std::byte*>(tensor.const_data_ptr());
}

at::Tensor Numbers(at::ScalarType type) {
  return at::randn({kCount}, at::TensorOptions().dtype(at::kDouble)).to(type);
}

// What the rest of training adds up with.
at::Tensor Reduced(const std::vector<at::Tensor>& addends, const std::vector<double>& weights) {
  at::Tensor sum = at::empty_like(addends[0]);
  std::vector<const std::byte*> inputs;
  for (const at::Tensor& addend : addends) inputs.push_back(BytesOf(addend));
  ReduceWeightedBlock(DTypeOf(sum.scalar_type()), inputs, weights, kCount,
                      static_cast<std::byte*>(sum.data_ptr()));
  return sum;
}

bool SameBits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.nbytes() == b.nbytes() &&
         std::memcmp(BytesOf(a), BytesOf(b), a.nbytes()) == 0;
}

TEST(WeightedSumTest, HasTheBitsOfABlocksReduction) {
  const std::vector<double> weights = {0.1, 1.0 / 3, 0, 0.7, -0.2};
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    std::vector<at::Tensor> addends;
    for (size_t i = 0; i < weights.size(); ++i) addends.push_back(Numbers(type));
    for (at::Tensor& addend : addends) addend[0] = -0.0;
    EXPECT_TRUE(SameBits(WeightedSum(addends, weights, type), Reduced(addends, weights)))
        << at::toString(type);
  }
}

TEST(WeightedSumTest, IsOfTheWiderType) {
  const std::vector<double> weights = {0.1, 0.2, 0.3};
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    std::vector<at::Tensor> narrow, wide;
    for (size_t i = 0; i < weights.size(); ++i) {
      narrow.push_back(Numbers(at::kBFloat16));
      wide.push_back(narrow.back().to(type));
    }
    EXPECT_TRUE(SameBits(WeightedSum(narrow, weights, type), Reduced(wide, weights)));
  }
}

TEST(WeightedSumTest, DependsOnTheOrder) {
  const at::Tensor one = at::ones({1}, at::kDouble), large = one * 1e30;
  const std::vector<double> weights = {1, 1, 1};
  EXPECT_EQ(WeightedSum(std::vector{large, -large, one}, weights, at::kDouble).item<double>(), 1);
  EXPECT_EQ(WeightedSum(std::vector{one, large, -large}, weights, at::kDouble).item<double>(), 0);
}

}  // namespace
}  // namespace eta::parallel
