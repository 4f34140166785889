// Training steps that are replayed give the bits that eager ones give.
#include <gtest/gtest.h>

#include "tests/parallel/training/captured_training.h"

namespace eta::parallel {
namespace {

TEST(CapturedStepsTest, FromTheThirdStepOnStepsAreReplayed) {
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron}), 38);
}

TEST(CapturedStepsTest, AllOptimizers) {
  for (const char* optimizer :
       {"(sgd model 0.05)", "(sgd model 0.05 'momentum 0.9 'nesterov #t 'weight-decay 0.01)",
        "(adam model 0.01)", "(adamw model 0.01)", "(rmsprop model 0.01)", "(adagrad model 0.01)",
        "(sgd model 0.05 'clip-norm 0.1)", "(adam model 0.01 'clip-value 0.01)",
        "(sgd model 0.05 'average 0.9)", "(sgd model 0.05 'loss-scale 8)",
        "(sgd model 0.05 'loss-scale 'dynamic)"}) {
    SCOPED_TRACE(optimizer);
    EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .optimizer = optimizer}), 38);
  }
}

TEST(CapturedStepsTest, SmoothActivations) {
  for (const char* layer : {"(sigmoid-layer)", "(tanh-layer)", "(gelu-layer)"}) {
    SCOPED_TRACE(layer);
    const std::string model = std::string("(sequential (linear 6 16) ") + layer +
                              " (linear 16 12) " + layer + " (linear 12 4))";
    EXPECT_EQ(ReplayedOf(1, {.model = model}), 38);
  }
}

TEST(CapturedStepsTest, AllLosses) {
  for (const char* loss :
       {"mse-loss", "l1-loss", "smooth-l1-loss", "huber-loss", "cross-entropy-loss"}) {
    SCOPED_TRACE(loss);
    EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .loss = loss}), 38);
  }
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron,
                           .loss = "bce-with-logits-loss",
                           .target = "(sigmoid (randn (list rows 4)))"}),
            38);
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .loss = "cross-entropy-loss", .target = kClasses}),
            38);
}

TEST(CapturedStepsTest, TargetsThatDoNotCount) {
  // Of every batch another number, and now and then all.
  const std::string target =
      "(from-list (map (lambda (k) (if (< k (modulo i 9)) -100 (modulo (* k 7) 4)))"
      " (range 0 rows)) 'int64)";
  const Training training{.model = kPerceptron, .loss = "cross-entropy-loss", .target = target};
  const std::string program = ProgramOf(training, 8);
  EXPECT_EQ(OutputOf(1, program, {.capture = false}), OutputOf(1, program));
  EXPECT_EQ(
      ReplayedOf(1, {.model = kPerceptron, .loss = "cross-entropy-loss", .target = target}, 8), 6);
}

TEST(CapturedStepsTest, RandomNumbersAreDrawnInTheSameOrder) {
  const std::string model =
      "(sequential (linear 6 16) (dropout 0.3) (relu-layer) (dropout 0.5) (linear 16 4))";
  for (int ranks : {1, 2}) EXPECT_EQ(ReplayedOf(ranks, {.model = model}), 38);
}

TEST(CapturedStepsTest, LargeParametersHaveGradientsOfTheirOwn) {
  const std::string model =
      "(sequential (linear 6 300) (relu-layer) (linear 300 200) (linear 200 4))";
  EXPECT_EQ(ReplayedOf(1, {.model = model}), 38);
  EXPECT_EQ(ReplayedOf(2, {.model = model}), 38);
  // A gradient that the program keeps stays what it was.
  const Training keeping{
      .model = model,
      .before_step =
          "(begin (when (= i 20) (set! kept (grad (list-ref (parameters model) 2))))"
          " (when (= i 30) (display (to-list kept))))"};
  const std::string kept = "(define kept '())" + ProgramOf(keeping, 40);
  EXPECT_EQ(OutputOf(1, kept, {.capture = false}), OutputOf(1, kept));
}

TEST(CapturedStepsTest, ShapesMayAlternate) {
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .rows = "(if (= (modulo i 4) 3) 3 8)"}), 36);
  // More than are remembered; each is one that is not seen again for long.
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .rows = "(+ 1 (modulo i 9))"}), 0);
}

TEST(CapturedStepsTest, ModesMayAlternate) {
  const std::string model = "(sequential (linear 6 16) (dropout 0.5) (linear 16 4))";
  EXPECT_EQ(ReplayedOf(1, {.model = model,
                           .before_step = "(if (= (modulo i 3) 0) (eval! model) (train! model))"}),
            36);
}

TEST(CapturedStepsTest, ParametersMayBeFrozen) {
  const std::string freeze =
      "(begin (when (= i 10) (requires-grad! (car (parameters model)) #f))"
      " (when (= i 20) (requires-grad! (car (parameters model)) #t)))";
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .before_step = freeze}), 36);
}

TEST(CapturedStepsTest, GradientsMayBeAddedUp) {
  // Those that are added to others are computed eagerly.
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .optimizer = "(sgd model 0.05 'accumulate 2)"}),
            18);
  EXPECT_EQ(ReplayedOf(2, {.model = kPerceptron, .optimizer = "(sgd model 0.05 'accumulate 4)"}),
            8);
}

TEST(CapturedStepsTest, ValuesAndRatesMayChange) {
  const std::string change =
      "(begin (set-learning-rate! optimizer (/ 0.1 (+ i 1)))"
      " (when (= i 15) (load-parameters! model (map (lambda (p) (t* p (tensor 2))) (parameters "
      "model))))"
      " (when (= i 25) (manual-seed 9)) (when (= i 30) (optim-zero-grad! optimizer)))";
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .before_step = change}), 38);
}

TEST(CapturedStepsTest, AnotherOptimizerMayTakeTurns) {
  const std::string turns =
      "(when (= (modulo i 5) 4) (train-step! model other mse-loss (randn '(8 6)) (randn '(8 4))))";
  const std::string program =
      "(define other '())" +
      ProgramOf(
          {.model = kPerceptron,
           .before_step = "(begin (when (= i 0) (set! other (adam model 0.01)))" + turns + ")"},
          40);
  EXPECT_EQ(OutputOf(1, program, {.capture = false}), OutputOf(1, program));
}

// A replay does not need gradients to be zero before, but the program's own backward passes do.
TEST(CapturedStepsTest, TheProgramMayAddToGradients) {
  const std::string own =
      "(begin (backward (mse-loss (forward model (ones '(4 6))) (ones '(4 4))))"
      " (display (to-list (grad (car (parameters model))))))";
  for (const std::string& before :
       {own, "(begin (optim-zero-grad! optimizer) " + own + ")",
        std::string("(begin (catch 'runtime.error (train-step! model optimizer mse-loss"
                    " (randn '(8 6)) (randn '(8 3)))) ") +
            own + ")"}) {
    SCOPED_TRACE(before);
    for (int ranks : {1, 2}) {
      EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron,
                                   .before_step = "(when (= (modulo i 9) 8) " + before + ")"}),
                38);
    }
  }
}

TEST(CapturedStepsTest, AGradientThatTheProgramKeepsIsThatOfTheLastStep) {
  const std::string look =
      "(begin (when (= i 8) (set! kept (grad (car (parameters model)))))"
      " (when (> i 8) (display (to-list kept))))";
  const std::string program =
      "(define kept '())" + ProgramOf({.model = kPerceptron, .before_step = look}, 40);
  for (int ranks : {1, 2}) {
    EXPECT_EQ(OutputOf(ranks, program, {.capture = false}), OutputOf(ranks, program));
  }
}

TEST(CapturedStepsTest, LayersOfTheLibraryAreCaptured) {
  const Training images{
      .loss = "cross-entropy-loss", .input = "(randn (list rows 1 8 8))", .target = kClasses};
  for (const char* model :
       {"(sequential (conv2d 1 3 3) (batch-norm 3) (relu-layer) (max-pool2d 2) (flatten-layer)"
        " (linear 27 4))",
        "(sequential (conv2d 1 4 3 'stride 2) (group-norm 2 4) (gelu-layer) (flatten-layer)"
        " (dropout 0.2) (linear 36 4))"}) {
    Training training = images;
    training.model = model;
    SCOPED_TRACE(model);
    EXPECT_EQ(ReplayedOf(1, training), 38);
  }
  for (const char* layer :
       {"(lstm 4 4)", "(gru 4 4 'layers 2)", "(multi-head-attention 4 2 'causal #t)",
        "(transformer-encoder-layer 4 2 'inner 8)", "(residual (linear 4 4) (tanh-layer))",
        "(layer-norm '(4))", "(softmax-layer)"}) {
    SCOPED_TRACE(layer);
    EXPECT_EQ(ReplayedOf(1, {.model = std::string("(sequential (linear 6 4) ") + layer +
                                      " (flatten-layer) (linear 20 4))",
                             .input = "(randn (list rows 5 6))"}),
              38);
  }
  EXPECT_EQ(ReplayedOf(1, {.model = "(sequential (embedding 10 3) (flatten-layer) (linear 15 4))",
                           .input = "(torch/randint 0 10 (list rows 5))"}),
            38);
}

TEST(CapturedStepsTest, TheOptionTurnsItOff) {
  EXPECT_EQ(ReplayedOf(1, {.model = kPerceptron, .optimizer = "(sgd model 0.05 'capture #f)"}), 0);
}

TEST(CapturedStepsTest, AmongReplicas) {
  for (int ranks : {2, 3, 4}) {
    SCOPED_TRACE(ranks);
    EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron}), 38);
    EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron,
                                 .optimizer = "(adam model 0.01 'clip-norm 0.5)",
                                 .loss = "cross-entropy-loss",
                                 .target = kClasses}),
              38);
  }
}

// Each rank has other rows, and one now and then none.
TEST(CapturedStepsTest, UnevenRowsAmongReplicas) {
  for (int ranks : {2, 3, 4}) {
    const std::string program =
        ProgramOf({.model = kPerceptron, .rows = "(+ 2 (* 3 rank) (modulo i 2))"}, 40);
    EXPECT_EQ(OutputOf(ranks, program, {.capture = false}), OutputOf(ranks, program));
    const std::string empty = ProgramOf(
        {.model = kPerceptron, .rows = "(if (and (= rank 1) (= (modulo i 5) 0)) 0 4)"}, 40);
    EXPECT_EQ(OutputOf(ranks, empty, {.capture = false}), OutputOf(ranks, empty));
  }
}

// A class that there is not, in the middle of a replay.
TEST(CapturedStepsTest, AnErrorIsTheSame) {
  const Training training{
      .model = "(sequential (linear 6 16) (dropout 0.5) (linear 16 4))",
      .loss = "cross-entropy-loss",
      .target =
          "(from-list (map (lambda (k) (if (= i 20) 4 (modulo k 4))) (range 0 rows)) 'int64)"};
  std::string program = ProgramOf(training, 40);
  program.replace(program.find("(display (step i))"), 18,
                  "(display (catch 'runtime.error (step i)))");
  for (int ranks : {1, 2}) {
    const std::string captured = OutputOf(ranks, program);
    EXPECT_NE(captured.find("Target 4 is out of bounds"), std::string::npos);
    EXPECT_EQ(OutputOf(ranks, program, {.capture = false}), captured);
  }
}

}  // namespace
}  // namespace eta::parallel
