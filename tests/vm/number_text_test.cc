#include "vm/number_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace eta {
namespace {

std::string Text(double d) {
  std::string text;
  AppendFloat(d, &text);
  return text;
}

TEST(NumberTextTest, FollowsPythonsRule) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {9.0, "9.0"},
      {-1.5, "-1.5"},
      {100000.0, "100000.0"},
      {1234567.0, "1234567.0"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {2.0 / 3, "0.6666666666666666"},
      {1e15, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {1e21, "1e+21"},
      {1e100, "1e+100"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {1.25e-7, "1.25e-07"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [number, text] : cases) EXPECT_EQ(Text(number), text);
}

TEST(NumberTextTest, ReadsBackToTheSameFloat) {
  constexpr uint64_t kSeed = 20240229;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    const double d = std::bit_cast<double>(random());
    if (!std::isfinite(d)) continue;
    EXPECT_EQ(std::strtod(Text(d).c_str(), nullptr), d) << Text(d) << ", seed " << kSeed;
  }
}

TEST(NumberTextTest, AppendsIntegers) {
  std::string text = "x";
  AppendInteger(std::numeric_limits<int64_t>::min(), &text);
  EXPECT_EQ(text, "x-9223372036854775808");
}

TEST(NumberTextTest, ParsesIntegers) {
  EXPECT_EQ(std::get<int64_t>(ParseNumberText("42")), 42);
  EXPECT_EQ(std::get<int64_t>(ParseNumberText(" -7")), -7);
  EXPECT_EQ(std::get<int64_t>(ParseNumberText("9223372036854775807")), INT64_MAX);
}

TEST(NumberTextTest, ParsesFloats) {
  EXPECT_EQ(std::get<double>(ParseNumberText("1e3")), 1000.0);
  EXPECT_EQ(std::get<double>(ParseNumberText("0x10")), 16.0);
  EXPECT_EQ(std::get<double>(ParseNumberText("9223372036854775808")), 9223372036854775808.0);
  EXPECT_TRUE(std::isinf(std::get<double>(ParseNumberText("inf"))));
}

TEST(NumberTextTest, RefusesWhatIsNoNumberAsAWhole) {
  for (std::string_view text : {"", " ", "abc", "1 ", "1x", "--1", "1e"}) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(ParseNumberText(text))) << text;
  }
  EXPECT_TRUE(std::holds_alternative<std::monostate>(ParseNumberText(std::string_view("1\0", 2))));
}

}  // namespace
}  // namespace eta
