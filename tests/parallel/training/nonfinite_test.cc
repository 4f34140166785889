#include "parallel/training/nonfinite.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/fakes/host_device.h"

namespace eta::parallel {
namespace {

class FindNonfiniteSumTest : public testing::TestWithParam<bool> {
 protected:
  const ExchangePlace place_ =
      GetParam() ? ExchangePlace({Device::Kind::kCuda, 0}, std::make_shared<HostStream>())
                 : ExchangePlace();
};

TEST_P(FindNonfiniteSumTest, NamesTheFirstElement) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const std::vector<at::Tensor> sums = {at::ones({5}, type), at::ones({0}, type),
                                          at::ones({1000}, type), at::ones({7}, type)};
    EXPECT_FALSE(FindNonfiniteSum(sums, place_).found);
    for (double bad : {std::numeric_limits<double>::infinity(), std::nan("")}) {
      for (int64_t i : {100, 300}) sums[2][i] = bad;
      sums[3][0] = bad;
      const Nonfinite found = FindNonfiniteSum(sums, place_);
      ASSERT_TRUE(found.found);
      EXPECT_EQ(found.segment, 2u);
      EXPECT_EQ(found.element, 100u);
      EXPECT_EQ(found.rank, -1);
    }
  }
  EXPECT_FALSE(FindNonfiniteSum({}, place_).found);
}

INSTANTIATE_TEST_SUITE_P(Places, FindNonfiniteSumTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "device" : "host"; });

}  // namespace
}  // namespace eta::parallel
