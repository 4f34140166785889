#include "torch/clipping.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

TEST(ClippingTest, SumsSquaresOfAnyRange) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const Tensor x = at::arange(20, dtype);
    double expected = 0;
    for (int i = 3; i < 17; ++i) expected += i * i;
    EXPECT_EQ(SumOfSquares(x, 3, 14), expected) << c10::toString(dtype);
    EXPECT_EQ(SumOfSquares(x, 3, 0), 0);
  }
}

TEST(ClippingTest, OnlyLargerNormsAreScaled) {
  EXPECT_FALSE(LimitsFor({}, 100).any());
  EXPECT_EQ(LimitsFor({.norm = 11}, 100).scale, 1);
  EXPECT_NEAR(LimitsFor({.norm = 5}, 100).scale, 0.5, 1e-6);
  EXPECT_TRUE(std::isnan(LimitsFor({.norm = 5}, NAN).scale));  // as in PyTorch
}

// One step of size 1 from gradients (3 4); the gradients stay as they are.
std::string Step(const std::string& clipping) {
  Script script;
  return script.Run(
      "(define m (nn/linear 2 1))"
      "(define p (car (nn/parameters m)))"
      "(define before (torch/clone (torch/detach p)))"
      "(define o (optim/sgd m 1 " +
      clipping +
      "))"
      "(torch/backward (torch/sum (torch/mul p (torch/tensor '((3 4))))))"
      "(optim/step! o)"
      "(write (map torch/to-list (list (torch/grad p) "
      "(torch/round (torch/mul (torch/sub before p) (torch/tensor 1000))))))");
}

TEST(ClippingTest, LimitsWhatTheUpdateSees) {
  EXPECT_EQ(Step(""), "((3.0 4.0) (3000.0 4000.0))");
  EXPECT_EQ(Step("'clip-norm 1"), "((3.0 4.0) (600.0 800.0))");
  EXPECT_EQ(Step("'clip-norm 10"), "((3.0 4.0) (3000.0 4000.0))");
  EXPECT_EQ(Step("'clip-value 3.5"), "((3.0 4.0) (3000.0 3500.0))");
}

}  // namespace
}  // namespace eta::tensor
