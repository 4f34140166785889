#include "torch/module.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "tests/torch/script.h"
#include "torch/arena.h"

namespace eta::tensor {
namespace {

class ModuleTest : public testing::Test {
 protected:
  TensorContext& context() { return TensorContext::Of(script_.vm()); }
  Script script_;
};

std::vector<std::string> Names(const Module& module) {
  std::vector<std::string> names;
  for (const auto& parameter : module.Parameters()) names.push_back(parameter.name);
  return names;
}

TEST_F(ModuleTest, ParametersHaveTheirPathAsName) {
  const auto model = MakeSequential(
      {MakeLinear(context(), 2, 3), MakeRelu(), MakeSequential({MakeLinear(context(), 3, 1)})});
  EXPECT_EQ(Names(*model),
            (std::vector<std::string>{"0.weight", "0.bias", "2.0.weight", "2.0.bias"}));
}

TEST_F(ModuleTest, ASharedChildCountsOnce) {
  const auto shared = MakeLinear(context(), 2, 2);
  EXPECT_EQ(Names(*MakeSequential({shared, shared})),
            (std::vector<std::string>{"0.weight", "0.bias"}));
}

TEST_F(ModuleTest, LinearStaysInItsBound) {
  const auto linear = MakeLinear(context(), 16, 500);
  for (const auto& parameter : linear->Parameters()) {
    const double largest = parameter.tensor.abs().max().item().toDouble();
    EXPECT_LE(largest, 0.25);
    EXPECT_GT(largest, 0.24);
  }
}

TEST_F(ModuleTest, TheModeReachesAllChildren) {
  const auto dropout = MakeDropout(0.5);
  const auto model = MakeSequential({MakeSequential({dropout})});
  EXPECT_TRUE(dropout->training());
  model->SetTraining(false);
  EXPECT_FALSE(dropout->training());
  model->SetTraining(true);
  EXPECT_TRUE(dropout->training());
}

TEST_F(ModuleTest, DropoutKeepsTheExpectation) {
  const auto dropout = MakeDropout(0.25);
  const Tensor out = dropout->Forward(context(), at::ones({100000}, at::kDouble));
  // Survivors are 4/3; the mean's standard deviation is 0.0018.
  EXPECT_NEAR(out.mean().item().toDouble(), 1, 0.01);
  EXPECT_NEAR(out.max().item().toDouble(), 4.0 / 3, 1e-12);
  EXPECT_EQ(out.min().item().toDouble(), 0);
}

TEST_F(ModuleTest, DropoutZeroAndOne) {
  const Tensor x = at::full({3}, 5.0);
  EXPECT_TRUE(MakeDropout(0)->Forward(context(), x).is_same(x));
  EXPECT_EQ(MakeDropout(1)->Forward(context(), x).sum().item().toDouble(), 0);
}

// libtorch's "meta" device, which has shapes but no memory, is always there.
TEST_F(ModuleTest, MovingTakesTheGradientsAlong) {
  const auto linear = MakeLinear(context(), 2, 2);
  const Tensor weight = linear->Parameters()[0].tensor, bias = linear->Parameters()[1].tensor;
  bias.sum().backward();
  linear->MoveTo(context(), c10::kMeta);
  EXPECT_TRUE(weight.is_meta() && bias.is_meta());
  EXPECT_TRUE(bias.grad().is_meta());
  EXPECT_FALSE(weight.grad().defined());
}

TEST_F(ModuleTest, MovingDoesNotMakeAGradientOfAnUnwrittenOne) {
  const auto linear = MakeLinear(context(), 2, 2);
  const Tensor weight = linear->Parameters()[0].tensor;
  ParameterArena arena(linear->Parameters(), context().arenas());
  arena.Clear(0);
  linear->MoveTo(context(), c10::kMeta);
  EXPECT_FALSE(weight.grad().defined());
  EXPECT_FALSE(arena.Intact(0));
}

}  // namespace
}  // namespace eta::tensor
