// In float32 other kernels run than in float64, the dtype of the other tests: it is set for a whole
// process.
#include <gtest/gtest.h>

#include "tests/parallel/training/captured_training.h"
#include "torch/context.h"

namespace eta::parallel {
namespace {

class CapturedFloat32Test : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(tensor::DefaultDtype::Set(at::kFloat)); }
};

TEST_F(CapturedFloat32Test, Perceptrons) {
  for (int ranks : {1, 2}) {
    EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron}), 38);
    EXPECT_EQ(
        ReplayedOf(ranks, {.model = kPerceptron, .loss = "cross-entropy-loss", .target = kClasses}),
        38);
  }
  const std::string model =
      "(sequential (linear 6 300) (relu-layer) (linear 300 300) (linear 300 4))";
  EXPECT_EQ(ReplayedOf(1, {.model = model, .optimizer = "(adam model 0.001)"}), 38);
}

TEST_F(CapturedFloat32Test, ConvolutionalNetworks) {
  const std::string model =
      "(sequential (conv2d 1 4 3) (batch-norm 4) (relu-layer) (max-pool2d 2) (conv2d 4 8 3 "
      "'padding 1)"
      " (relu-layer) (flatten-layer) (linear 288 4))";
  EXPECT_EQ(ReplayedOf(1, {.model = model,
                           .loss = "cross-entropy-loss",
                           .input = "(randn (list rows 1 14 14))",
                           .target = kClasses}),
            38);
}

TEST_F(CapturedFloat32Test, Sequences) {
  for (const char* layer : {"(lstm 6 4)", "(lstm 6 4 'layers 2)", "(gru 6 4)"}) {
    SCOPED_TRACE(layer);
    EXPECT_EQ(ReplayedOf(1, {.model = std::string("(sequential ") + layer +
                                      " (flatten-layer) (linear 20 4))",
                             .input = "(randn (list rows 5 6))"}),
              38);
  }
  EXPECT_EQ(ReplayedOf(1, {.model = "(sequential (transformer-encoder-layer 6 2 'inner 8)"
                                    " (flatten-layer) (linear 30 4))",
                           .input = "(randn (list rows 5 6))"}),
            38);
}

}  // namespace
}  // namespace eta::parallel
