#include "torch/loss.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/l1_loss.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

namespace eta::tensor {
namespace {

double Item(const Tensor& t) { return t.item().toDouble(); }

struct Case {
  const char* name;
  const char* loss;
  Tensor prediction, target;
  double denominator;
  Tensor mean;  // what libtorch says
};

std::vector<Case> Cases() {
  const auto f64 = at::kDouble;
  const Tensor a = at::randn({6, 4}, f64), b = at::randn({6, 4}, f64), row = at::randn({4}, f64);
  const Tensor p = at::softmax(b, 1);
  const Tensor classes = at::randint(0, 4, {6}, at::kLong);
  Tensor some = classes.clone();
  some.narrow(0, 1, 2).fill_(-100);
  const Tensor image = at::randn({2, 4, 3}, f64), pixels = at::randint(0, 4, {2, 3}, at::kLong);
  const Tensor pixel_p = at::softmax(at::randn({2, 4, 3}, f64), 1);
  return {
      {"mse", "nn/mse-loss", a, b, 24, at::mse_loss(a, b)},
      {"mse broadcast", "nn/mse-loss", row, b, 24, at::mse_loss(row, b)},
      {"l1", "nn/l1-loss", a, b, 24, at::l1_loss(a, b)},
      {"probabilities", "nn/cross-entropy-loss", a, p, 6, at::cross_entropy_loss(a, p)},
      {"one row", "nn/cross-entropy-loss", row, p[0], 1, at::cross_entropy_loss(row, p[0])},
      {"classes", "nn/cross-entropy-loss", a, classes, 6, at::cross_entropy_loss(a, classes)},
      {"ignored", "nn/cross-entropy-loss", a, some, 4, at::cross_entropy_loss(a, some)},
      {"pixels", "nn/cross-entropy-loss", image, pixels, 6, at::cross_entropy_loss(image, pixels)},
      {"pixel probabilities", "nn/cross-entropy-loss", image, pixel_p, 6,
       at::cross_entropy_loss(image, pixel_p)},
  };
}

TEST(LossTermsTest, TheirQuotientIsLibtorchsMean) {
  for (const Case& c : Cases()) {
    const LossTerms terms = FindLossTerms(c.loss)(c.prediction, c.target);
    EXPECT_EQ(terms.denominator, c.denominator) << c.name;
    EXPECT_NEAR(Item(terms.numerator) / terms.denominator, Item(c.mean), 1e-12) << c.name;
  }
}

TEST(LossTermsTest, PartsAddUpToTheWhole) {
  for (const char* loss : {"nn/mse-loss", "nn/cross-entropy-loss"}) {
    const auto terms = FindLossTerms(loss);
    const Tensor x = at::randn({7, 3}, at::kDouble), y = at::softmax(x, 1);
    const LossTerms whole = terms(x, y);
    const LossTerms head = terms(x.narrow(0, 0, 2), y.narrow(0, 0, 2));
    const LossTerms tail = terms(x.narrow(0, 2, 5), y.narrow(0, 2, 5));
    EXPECT_NEAR(Item(head.numerator) + Item(tail.numerator), Item(whole.numerator), 1e-12);
    EXPECT_EQ(head.denominator + tail.denominator, whole.denominator);
  }
}

TEST(LossTermsTest, OtherProceduresHaveNone) { EXPECT_EQ(FindLossTerms("torch/add"), nullptr); }

}  // namespace
}  // namespace eta::tensor
