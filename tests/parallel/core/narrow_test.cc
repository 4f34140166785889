#include "parallel/core/narrow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace eta::parallel {
namespace {

template <class T>
class NarrowTest : public testing::Test {
 protected:
  static constexpr DType kDType = sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32;

  static std::vector<T> Rounded(std::vector<T> numbers) {
    RoundToNarrow(kDType, reinterpret_cast<std::byte*>(numbers.data()), numbers.size());
    return numbers;
  }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(NarrowTest, Types);

TYPED_TEST(NarrowTest, KeepsEightSignificantBits) {
  std::mt19937 random(1);
  std::vector<TypeParam> numbers;
  for (int i = 0; i < 1000; ++i) {
    numbers.push_back(std::ldexp(std::normal_distribution<TypeParam>()(random), i % 60 - 30));
  }
  const std::vector<TypeParam> rounded = this->Rounded(numbers);
  for (size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_LE(std::abs(rounded[i] - numbers[i]), std::abs(numbers[i]) / 256);
  }
  EXPECT_NE(rounded, numbers);
}

TYPED_TEST(NarrowTest, IsRoundedOnceToTheNearest) {
  const std::vector<TypeParam> numbers = {1, -0.1, 3.14159, 1e-20, 257, 258, 259, 0};
  const std::vector<TypeParam> rounded = this->Rounded(numbers);
  EXPECT_EQ(this->Rounded(rounded), rounded);
  EXPECT_EQ(rounded[4], 256);  // ties to even
  EXPECT_EQ(rounded[6], 260);
}

TYPED_TEST(NarrowTest, ValuesThatAreNotFiniteStayThat) {
  const TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
  const auto rounded = this->Rounded({infinity, -infinity, std::nan("")});
  EXPECT_EQ(rounded[0], infinity);
  EXPECT_EQ(rounded[1], -infinity);
  EXPECT_TRUE(std::isnan(rounded[2]));
}

}  // namespace
}  // namespace eta::parallel
