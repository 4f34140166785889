#include "parallel/core/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eta::parallel {
namespace {

// The value of a float16 by its definition.
double ByDefinition(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(HalfTest, EveryFloat16ConvertsThereAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Float16 half{static_cast<uint16_t>(bits)};
    const double value = ByDefinition(half.bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(ToFloat(half)));
      EXPECT_TRUE(std::isnan(ToFloat(ToFloat16(ToFloat(half)))));
    } else {
      ASSERT_EQ(ToFloat(half), value);
      ASSERT_EQ(ToFloat16(ToFloat(half)).bits, half.bits);
    }
  }
}

TEST(HalfTest, Float16RoundsToNearestAndTiesToEven) {
  for (uint16_t bits = 0; bits < 0x7bff; ++bits) {  // each pair of finite neighbours
    const uint16_t next = static_cast<uint16_t>(bits + 1);
    const float low = static_cast<float>(ByDefinition(bits));
    const float high = static_cast<float>(ByDefinition(next));
    const float middle = (low + high) / 2;
    ASSERT_EQ(ToFloat16(middle).bits, bits % 2 == 0 ? bits : next) << middle;
    ASSERT_EQ(ToFloat16(std::nextafter(middle, 0.0f)).bits, bits);
    ASSERT_EQ(ToFloat16(std::nextafter(middle, INFINITY)).bits, next);
  }
  EXPECT_EQ(ToFloat16(65519.996f).bits, 0x7bff);
  EXPECT_EQ(ToFloat16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(ToFloat16(-1e30f).bits, 0xfc00);
}

TEST(HalfTest, BFloat16RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(ToBFloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(ToBFloat16(1.00390625f).bits, 0x3f80);  // halfway, the lower one is even
  EXPECT_EQ(ToBFloat16(1.01171875f).bits, 0x3f82);  // halfway, the upper one is even
  EXPECT_EQ(ToBFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_TRUE(std::isnan(ToFloat(ToBFloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(ToFloat(ToBFloat16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_EQ(ToFloat(ToBFloat16(-2.5f)), -2.5f);
}

}  // namespace
}  // namespace eta::parallel
