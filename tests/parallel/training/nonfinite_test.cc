#include "parallel/training/nonfinite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/plain_parameters.h"

namespace eta::parallel {
namespace {

using tensor::kLargeCount;
using tensor::PlainParameters;

TEST(FindNonfiniteSumTest, NamesTheFirstElement) {
  const auto parameters =
      std::make_shared<PlainParameters>(std::vector<int64_t>{5, kLargeCount, 7});
  tensor::Optimizer optimizer(parameters, tensor::MakeSgd({}),
                              std::make_shared<tensor::ArenaRegistry>(), {.learning_rate = 0.1});
  optimizer.Prepare();
  optimizer.ZeroGradients();
  for (size_t i = 0; i < 3; ++i) (*parameters)[i].sum().backward();
  optimizer.TakeGradients();
  EXPECT_FALSE(FindNonfiniteSum(optimizer).found);
  for (double bad : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    (*parameters)[1].mutable_grad()[100] = bad;
    (*parameters)[1].mutable_grad()[300] = bad;
    const Nonfinite found = FindNonfiniteSum(optimizer);
    ASSERT_TRUE(found.found);
    EXPECT_EQ(optimizer.segments()[found.segment].parameters, std::vector<size_t>{1});
    EXPECT_EQ(found.element, 100u);
    EXPECT_EQ(found.rank, -1);
  }
}

}  // namespace
}  // namespace eta::parallel
