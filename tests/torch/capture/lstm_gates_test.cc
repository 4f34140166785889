#include "torch/capture/lstm_gates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace eta::tensor {
namespace {

// One row, after a pass; all four gates of a unit have the same sum.
struct Unit {
  std::vector<float> gates, cell, squashed, output;

  Unit(const std::vector<float>& sums, const std::vector<float>& old_cell)
      : cell(sums.size()), squashed(sums.size()), output(sums.size()) {
    for (int gate = 0; gate < 4; ++gate) gates.insert(gates.end(), sums.begin(), sums.end());
    const std::vector<float> bias(gates.size(), 0);
    ForwardGates({.rows = 1,
                  .units = static_cast<int64_t>(sums.size()),
                  .gates = gates.data(),
                  .cell = cell.data(),
                  .old_cell = old_cell.data(),
                  .squashed_cell = squashed.data()},
                 bias.data(), output.data());
  }
  float candidate(size_t i) const { return gates[2 * cell.size() + i]; }
};

// From tiny to large, of both signs.
std::vector<float> Numbers() {
  std::vector<float> numbers = {0, -0.0f};
  for (float x = 1e-30f; x < 80; x *= 1.0007f) {
    numbers.push_back(x);
    numbers.push_back(-x);
  }
  return numbers;
}

double Error(float value, double wanted) {
  return std::abs(static_cast<double>(value) - wanted) /
         std::max(std::abs(wanted), static_cast<double>(std::numeric_limits<float>::min()));
}

TEST(LstmGatesTest, SigmoidsAndTangentsAreWithinAMillionth) {
  const std::vector<float> numbers = Numbers();
  const Unit unit(numbers, numbers);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double x = numbers[i], c = unit.cell[i];
    ASSERT_LT(Error(unit.gates[i], 1 / (1 + std::exp(-x))), 5e-7) << x;
    ASSERT_LT(Error(unit.candidate(i), std::tanh(x)), 5e-7) << x;
    ASSERT_LT(Error(unit.squashed[i], std::tanh(c)), 5e-7) << c;
  }
}

TEST(LstmGatesTest, GatesEndAtTheirLimits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Unit unit({infinity, -infinity, 1e30f, -1e30f}, {0.25f, 0.25f, 0.25f, 0.25f});
  EXPECT_EQ(unit.gates[0], 1);
  EXPECT_NEAR(unit.gates[1], 0, 1e-37);
  EXPECT_EQ(unit.gates[2], 1);
  EXPECT_NEAR(unit.gates[3], 0, 1e-37);
  EXPECT_NEAR(unit.cell[0], 1.25, 1e-6);
  EXPECT_NEAR(unit.output[3], 0, 1e-37);
}

TEST(LstmGatesTest, ANaNStaysOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // More than fit one vector, so that loops and what is left of them are both seen.
  const Unit from_sums(std::vector<float>(19, nan), std::vector<float>(19, 0));
  const Unit from_cell(std::vector<float>(19, 0), std::vector<float>(19, nan));
  for (size_t i = 0; i < 19; ++i) {
    EXPECT_TRUE(std::isnan(from_sums.output[i]));
    EXPECT_TRUE(std::isnan(from_cell.output[i]));
  }
}

}  // namespace
}  // namespace eta::tensor
