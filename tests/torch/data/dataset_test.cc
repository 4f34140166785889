#include "torch/data/dataset.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

namespace eta::tensor {
namespace {

Tensor Grid(int64_t rows, int64_t columns) {
  return at::arange(rows * columns, at::kDouble).view({rows, columns});
}

TEST(DatasetTest, WantsAsManyTargetsAsInputs) {
  EXPECT_EQ(MakeDataset(Grid(3, 2), at::ones({2})).error(),
            "inputs and targets must have as many rows, got shapes (3 2) and (2)");
  EXPECT_EQ(MakeDataset(at::ones({}), at::ones({})).error(),
            "inputs and targets must have as many rows, got shapes () and ()");
  const auto dataset = MakeDataset(Grid(3, 2), at::ones({3}));
  ASSERT_TRUE(dataset);
  EXPECT_EQ(dataset->rows(), 3);
}

TEST(DatasetTest, TakesRowsInTheOrderGiven) {
  const Dataset dataset = *MakeDataset(Grid(4, 2), at::arange(4));
  const std::vector<int64_t> rows = {3, 0, 3};
  const Dataset taken = TakeRows(dataset, rows);
  EXPECT_TRUE(
      taken.inputs.equal(at::stack({dataset.inputs[3], dataset.inputs[0], dataset.inputs[3]})));
  EXPECT_EQ(taken.targets[1].item<int64_t>(), 0);
  EXPECT_EQ(taken.targets.scalar_type(), at::kLong);
}

TEST(DatasetTest, TakesNoRowsWithTheRightShape) {
  const Dataset taken = TakeRows(*MakeDataset(Grid(4, 2), at::arange(4)), {});
  EXPECT_EQ(taken.inputs.sizes(), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(taken.rows(), 0);
}

TEST(DatasetTest, CopiesWhatIsNotContiguous) {
  const Dataset dataset = *MakeDataset(Grid(2, 3).t(), at::ones({3}));
  const std::vector<int64_t> rows = {1};
  EXPECT_TRUE(TakeRows(dataset, rows).inputs.equal(Grid(2, 3).t().narrow(0, 1, 1)));
}

TEST(DatasetTest, CutsTheGraph) {
  const Dataset dataset = *MakeDataset(Grid(2, 3).requires_grad_(), at::ones({2}));
  EXPECT_FALSE(dataset.inputs.requires_grad());
}

}  // namespace
}  // namespace eta::tensor
