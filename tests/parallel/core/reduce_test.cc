#include "parallel/core/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eta::parallel {
namespace {

template <class T>
std::vector<T> Reduce(DType dtype, ReduceOp op, const std::vector<std::vector<T>>& inputs) {
  std::vector<const std::byte*> pointers;
  for (const auto& input : inputs)
    pointers.push_back(reinterpret_cast<const std::byte*>(&input[0]));
  std::vector<T> out(inputs[0].size());
  ReduceBlock(dtype, op, pointers, out.size(), reinterpret_cast<std::byte*>(&out[0]));
  return out;
}

TEST(ReduceTest, SumsInTheOrderOfTheInputs) {
  const double big = 1e16;
  EXPECT_EQ(Reduce<double>(DType::kFloat64, ReduceOp::kSum, {{big}, {-big}, {1}})[0], 1);
  EXPECT_EQ(Reduce<double>(DType::kFloat64, ReduceOp::kSum, {{1}, {big}, {-big}})[0], 0);
}

TEST(ReduceTest, EveryElementOfUnalignedLengths) {
  for (size_t count : {1, 63, 64, 65, 129, 1000}) {
    std::vector<float> a(count), b(count);
    for (size_t i = 0; i < count; ++i) {
      a[i] = static_cast<float>(i);
      b[i] = 0.5f;
    }
    const auto sum = Reduce<float>(DType::kFloat32, ReduceOp::kSum, {a, b});
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(sum[i], static_cast<float>(i) + 0.5f);
  }
}

std::vector<std::vector<float>> Inputs(size_t number, size_t count) {
  std::vector<std::vector<float>> inputs(number, std::vector<float>(count));
  for (size_t r = 0; r < number; ++r) {
    for (size_t i = 0; i < count; ++i) inputs[r][i] = 1.0f / static_cast<float>(1 + 7 * r + i);
  }
  return inputs;
}

TEST(ReduceTest, AnyNumberOfInputsInTheirOrder) {
  for (size_t number = 1; number <= 13; ++number) {
    const auto inputs = Inputs(number, 100);
    const auto sum = Reduce<float>(DType::kFloat32, ReduceOp::kSum, inputs);
    for (size_t i = 0; i < sum.size(); ++i) {
      float expected = inputs[0][i];
      for (size_t r = 1; r < number; ++r) expected += inputs[r][i];
      ASSERT_EQ(sum[i], expected) << i << " of " << number;
    }
  }
}

TEST(ReduceTest, TheResultMayTakeThePlaceOfAnyInput) {
  for (size_t number : {2, 4, 9}) {
    for (size_t place = 0; place < number; ++place) {
      auto inputs = Inputs(number, 100);
      const auto expected = Reduce<float>(DType::kFloat32, ReduceOp::kSum, inputs);
      std::vector<const std::byte*> pointers;
      for (const auto& input : inputs) {
        pointers.push_back(reinterpret_cast<const std::byte*>(input.data()));
      }
      ReduceBlock(DType::kFloat32, ReduceOp::kSum, pointers, 100,
                  reinterpret_cast<std::byte*>(inputs[place].data()));
      ASSERT_EQ(inputs[place], expected) << place << " of " << number;
    }
  }
}

TEST(ReduceTest, MaxAndMinHandOnNaNs) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
    const auto result = Reduce<double>(DType::kFloat64, op, {{nan, 1, 2}, {1, nan, 3}});
    EXPECT_TRUE(std::isnan(result[0]));
    EXPECT_TRUE(std::isnan(result[1]));
    EXPECT_EQ(result[2], op == ReduceOp::kMax ? 3 : 2);
  }
}

TEST(ReduceTest, IntegersWrapAround) {
  const int64_t max = std::numeric_limits<int64_t>::max();
  const int64_t min = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(Reduce<int64_t>(DType::kInt64, ReduceOp::kSum, {{max}, {1}})[0], min);
  EXPECT_EQ(Reduce<uint8_t>(DType::kUInt8, ReduceOp::kSum, {{200}, {100}})[0], 44);
}

TEST(ReduceTest, MeanDividesAtTheEnd) {
  EXPECT_EQ(Reduce<float>(DType::kFloat32, ReduceOp::kMean, {{1}, {2}, {4}})[0], 7.0f / 3.0f);
}

}  // namespace
}  // namespace eta::parallel
