#include "parallel/training/slice_owner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "parallel/core/slice.h"

namespace eta::parallel {
namespace {

template <class T>
const std::byte* Bytes(const std::vector<T>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}

template <class T>
void ExpectFound(DType dtype, const std::vector<T>& good, T bad) {
  for (size_t count : {size_t{1}, size_t{7}, size_t{1000}}) {
    std::vector<T> values(count, good[0]);
    for (size_t i = 0; i < count; ++i) values[i] = good[i % good.size()];
    EXPECT_EQ(FindNonfinite(dtype, Bytes(values), count), count);
    values[count - 1] = bad;
    EXPECT_EQ(FindNonfinite(dtype, Bytes(values), count), count - 1);
    values[0] = bad;
    EXPECT_EQ(FindNonfinite(dtype, Bytes(values), count), 0u);
  }
}

// Their sums are not finite, or hide what is not.
TEST(FindNonfiniteTest, KnowsLargeNumbersFromInfinities) {
  const float max = std::numeric_limits<float>::max(), infinity = 1 / 0.0f;
  std::vector<float> numbers(100, max);
  EXPECT_EQ(FindNonfinite(DType::kFloat32, Bytes(numbers), 100), 100u);
  numbers[40] = infinity;
  numbers[72] = -infinity;
  EXPECT_EQ(FindNonfinite(DType::kFloat32, Bytes(numbers), 100), 40u);
}

TEST(FindNonfiniteTest, KnowsTheFloatingTypes) {
  using F = std::numeric_limits<float>;
  using D = std::numeric_limits<double>;
  for (float bad : {F::infinity(), -F::infinity(), F::quiet_NaN(), -F::quiet_NaN()}) {
    ExpectFound(DType::kFloat32, {0.0f, -0.0f, F::max(), F::lowest(), F::denorm_min()}, bad);
  }
  for (double bad : {D::infinity(), -D::infinity(), D::quiet_NaN(), -D::quiet_NaN()}) {
    ExpectFound(DType::kFloat64, {0.0, -0.0, D::max(), D::lowest(), D::denorm_min()}, bad);
  }
  // Half types by their bits: largest finite, infinity, a NaN.
  for (uint16_t bad : {0x7C00, 0xFC00, 0x7E01}) {
    ExpectFound<uint16_t>(DType::kFloat16, {0x0000, 0x7BFF, 0xFBFF}, bad);
  }
  for (uint16_t bad : {0x7F80, 0xFF80, 0x7FC1}) {
    ExpectFound<uint16_t>(DType::kBFloat16, {0x0000, 0x7F7F, 0xFF7F}, bad);
  }
}

// Ranks with one segment each, gradients and one state apiece; all calls in one thread.
class SliceOwnerTest : public testing::Test {
 protected:
  static constexpr size_t kCount = 10'000;  // several blocks

  void MakeRanks(int ranks, int owners) {
    owners_ = owners;
    records_.clear();
    gradients_.assign(static_cast<size_t>(ranks), std::vector<double>(kCount));
    sums_ = states_ = gradients_;
    memories_.resize(static_cast<size_t>(ranks));
    for (size_t r = 0; r < memories_.size(); ++r) {
      memories_[r].segments = {{.dtype = DType::kFloat64,
                                .count = kCount,
                                .parameter = nullptr,
                                .gradient = reinterpret_cast<std::byte*>(gradients_[r].data()),
                                .addends = reinterpret_cast<std::byte*>(gradients_[r].data()),
                                .sums = reinterpret_cast<std::byte*>(sums_[r].data()),
                                .state = {reinterpret_cast<std::byte*>(states_[r].data())}}};
      records_.push_back({.memory = &memories_[r]});
    }
  }

  SliceOwner Acting(int rank, int owner) { return SliceOwner(rank, owner, owners_, records_); }
  // As the owner of its number, if there is one.
  SliceOwner OwnerOf(int rank) { return Acting(rank, rank < owners_ ? rank : -1); }

  int owners_ = 0;
  std::vector<std::vector<double>> gradients_, sums_, states_;
  std::vector<StepMemory> memories_;
  std::vector<StepRecord> records_;
};

constexpr double kEqual[] = {1, 1};  // weights

TEST_F(SliceOwnerTest, SumsAreEverywhereTheSame) {
  for (int owners : {1, 2, 3}) {
    MakeRanks(3, owners);
    for (size_t r = 0; r < 3; ++r) {
      for (size_t i = 0; i < kCount; ++i) {
        gradients_[r][i] = 0.1 * static_cast<double>(i) + static_cast<double>(r);
      }
    }
    std::vector<double> expected(kCount);
    const std::vector<double> weights = {0.5, 0.25, 0};
    for (size_t i = 0; i < kCount; ++i) {
      expected[i] = 0.5 * gradients_[0][i] + 0.25 * gradients_[1][i];
    }
    for (StepMemory& memory : memories_) memory.segments[0].sums = memory.segments[0].gradient;
    for (int r : {2, 0, 1}) EXPECT_FALSE(OwnerOf(r).SumGradients(weights).found);
    for (int r : {1, 2, 0}) OwnerOf(r).CollectSums();
    for (const auto& gradient : gradients_) EXPECT_EQ(gradient, expected);
  }
}

TEST_F(SliceOwnerTest, WhoeverActsAsAnOwnerWorksInThatOnesMemory) {
  MakeRanks(3, 2);
  for (auto& gradient : gradients_) gradient.assign(kCount, 1);
  const std::vector<double> weights = {1, 2, 4};
  Acting(2, 0).SumGradients(weights);
  Acting(0, 1).SumGradients(weights);
  Acting(1, -1).SumGradients(weights);
  for (size_t i = 0; i < kCount; ++i) {
    const Slice first = OwnedSlices(kCount, sizeof(double), 0, 2, 3);
    const bool is_first = first.begin <= i && i < first.end;
    ASSERT_EQ(sums_[0][i], is_first ? 7 : 0) << i;
    ASSERT_EQ(sums_[1][i], is_first ? 0 : 7) << i;
  }
}

TEST_F(SliceOwnerTest, TheOwnerSeesWhoseGradientIsNotFinite) {
  MakeRanks(2, 2);
  gradients_[1][kCount - 5] = NAN;
  EXPECT_FALSE(OwnerOf(0).SumGradients(kEqual).found);
  const Nonfinite found = OwnerOf(1).SumGradients(kEqual);
  EXPECT_TRUE(found.found);
  EXPECT_EQ(found.element, kCount - 5);
  EXPECT_EQ(found.rank, 1);
}

TEST_F(SliceOwnerTest, ASumThatOverflowsIsNobodysFault) {
  MakeRanks(2, 2);
  gradients_[0][3] = gradients_[1][3] = std::numeric_limits<double>::max();
  const Nonfinite found = OwnerOf(0).SumGradients(kEqual);
  EXPECT_TRUE(found.found);
  EXPECT_EQ(found.rank, -1);
}

TEST_F(SliceOwnerTest, StateIsCollectedFromTheOwners) {
  for (int owners : {1, 2, 3}) {
    MakeRanks(3, owners);
    for (size_t r = 0; r < 3; ++r) states_[r].assign(kCount, static_cast<double>(r));
    for (int r = 0; r < 3; ++r) OwnerOf(r).CollectState();
    for (size_t i = 0; i < kCount; ++i) {
      double owner = -1;
      for (int o = 0; o < owners; ++o) {
        const Slice slice = OwnedSlices(kCount, sizeof(double), o, owners, 3);
        if (slice.begin <= i && i < slice.end) owner = o;
      }
      for (const auto& state : states_) ASSERT_EQ(state[i], owner) << i;
    }
  }
}

TEST_F(SliceOwnerTest, InitialValuesAreRankZeros) {
  MakeRanks(2, 2);
  states_[0].assign(kCount, 1.5);
  for (size_t r = 0; r < 2; ++r) {
    memories_[r].initial = {{states_[r].data(), states_[r].size()}, {}};
  }
  OwnerOf(0).CopyInitial(0);
  OwnerOf(1).CopyInitial(0);
  EXPECT_EQ(states_[0], std::vector<double>(kCount, 1.5));
  EXPECT_EQ(states_[1], states_[0]);
}

}  // namespace
}  // namespace eta::parallel
