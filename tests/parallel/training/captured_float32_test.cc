// In float32 other kernels run than in float64, the dtype of the other tests: it is set for a whole
// process.
#include <gtest/gtest.h>

#include <random>

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

// With sizes that are no multiples of a vector's.
TEST_F(CapturedFloat32Test, SmoothActivations) {
  for (const char* layer : {"(sigmoid-layer)", "(tanh-layer)", "(gelu-layer)"}) {
    SCOPED_TRACE(layer);
    const std::string model = std::string("(sequential (linear 6 61) ") + layer +
                              " (linear 61 129) " + layer + " (linear 129 4))";
    EXPECT_EQ(ReplayedOf(1, {.model = model}), 38);
  }
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
  EXPECT_EQ(ReplayedOf(1, {.model = "(sequential (gru 6 4) (flatten-layer) (linear 20 4))",
                           .input = "(randn (list rows 5 6))"}),
            38);
  EXPECT_EQ(ReplayedOf(1, {.model = "(sequential (transformer-encoder-layer 6 2 'inner 8)"
                                    " (flatten-layer) (linear 30 4))",
                           .input = "(randn (list rows 5 6))"}),
            38);
}

// Sequences of five times through `layers`, of which the last has four units.
Training WithLstm(const std::string& layers) {
  return {.model = "(sequential " + layers + " (flatten-layer) (linear 20 4))",
          .input = "(randn (list rows 5 6))"};
}

TEST_F(CapturedFloat32Test, LstmsComeToTheSameButForRounding) {
  for (const char* layers :
       {"(lstm 6 4)", "(lstm 6 4 'layers 2)", "(lstm 6 7) (lstm 7 4)", "(linear 6 3) (lstm 3 4)",
        "(lstm 6 40 'layers 3) (linear 40 4)", "(lstm 6 130) (relu-layer) (linear 130 4)"}) {
    SCOPED_TRACE(layers);
    for (int ranks : {1, 2}) EXPECT_EQ(ReplayedNearly(ranks, WithLstm(layers)), 38);
  }
}

TEST_F(CapturedFloat32Test, LstmsTrainWithAllThatAStepMayHave) {
  Training training = WithLstm("(lstm 6 8) (batch-norm 5) (lstm 8 4)");
  training.rows = "(if (= 4 (modulo i 5)) 3 8)";
  for (const char* optimizer : {"(adam model 0.001)", "(sgd model 0.05 'clip-norm 0.5)",
                                "(rmsprop model 0.001)", "(adamw model 0.001 'weight-decay 0.1)"}) {
    SCOPED_TRACE(optimizer);
    training.optimizer = optimizer;
    EXPECT_GT(ReplayedNearly(1, training), 34);
  }
}

TEST_F(CapturedFloat32Test, LstmsOfAllSizesComeToTheSameButForRounding) {
  std::mt19937 random(3);
  const auto number = [&](int most) {
    return std::to_string(1 + static_cast<int>(random() % most));
  };
  for (int i = 0; i < 40; ++i) {
    const std::string inputs = number(9), times = number(12), units = number(40), last = number(6);
    const Training training{.model = "(sequential (lstm " + inputs + " " + units + " 'layers " +
                                     number(2) + ") (lstm " + units + " " + last + "))",
                            .optimizer = i % 2 == 0 ? "(sgd model 0.05)" : "(adam model 0.001)",
                            .input = "(randn (list rows " + times + " " + inputs + "))",
                            .target = "(randn (list rows " + times + " " + last + "))",
                            .rows = number(20)};
    SCOPED_TRACE(training.model + " " + training.input + " rows: " + training.rows);
    EXPECT_EQ(ReplayedNearly(1, training, 12), 10);
  }
}

TEST_F(CapturedFloat32Test, AThousandStepsOfAnLstmStayWithinRounding) {
  EXPECT_EQ(ReplayedNearly(1, WithLstm("(lstm 6 4)"), 1000), 998);
  const Training longer{.model = "(sequential (lstm 6 32) (linear 32 4))",
                        .input = "(randn (list rows 50 6))",
                        .target = "(randn (list rows 50 4))"};
  EXPECT_EQ(ReplayedNearly(1, longer, 1000), 998);
}

TEST_F(CapturedFloat32Test, LstmsGiveTheSameBitsInEachRun) {
  for (int ranks : {1, 2, 3}) {
    const std::string program = ProgramOf(WithLstm("(lstm 6 40) (lstm 40 4)"), 30);
    EXPECT_EQ(OutputOf(ranks, program), OutputOf(ranks, program));
  }
}

// Where bits must not depend on when replays begin, and so not on the number of ranks.
// LSTMs then run by libtorch's own kernels.
TEST_F(CapturedFloat32Test, ShardsAreReplayedExactly) {
  const ReplicaOptions shards{.shards = 8};
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron}, 40, shards), 8 * 40 - 2);
  for (const char* layers : {"(lstm 6 4)", "(lstm 6 40 'layers 2) (lstm 40 4)"}) {
    EXPECT_EQ(ReplayedOf(1, WithLstm(layers), 10, shards), 8 * 10 - 2);
  }
}

}  // namespace
}  // namespace eta::parallel
