// What replicas train must be what one device trains.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains on batches of many sizes, also smaller than the number of ranks, and prints each loss and
// the parameters at the end. `optimizer` makes one from `model`, `target` the targets of `rows`.
std::string Training(const std::string& optimizer, const std::string& loss,
                     const std::string& target) {
  return R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 6 16) (nn/relu-layer) (nn/linear 16 4)))
    (define optimizer )" +
         optimizer + R"()
    (define (target rows) )" +
         target + R"()
    (define (step rows)
      (let* ((x (torch/randn (list rows 6))) (y (target rows)))
        (write (optim/train-step! model optimizer )" +
         loss + R"(
                 (parallel/shard x) (parallel/shard y)))
        (newline)))
    (for-each step '(50 50 13 7 3 1 2 50 6 50))
    (write (map torch/to-list (nn/parameters model)))
    (write (parallel/replicas-equal? model)))";
}

constexpr const char* kSgd = "(optim/sgd model 0.05)";
constexpr const char* kMomentum = "(optim/sgd model 0.05 'momentum 0.9)";
constexpr const char* kAdam = "(optim/adam model 0.01)";
constexpr const char* kValues = "(torch/randn (list rows 4))";
constexpr const char* kClasses = "(torch/argmax (torch/randn (list rows 4)) 1)";

void ExpectParity(const std::string& program) {
  const std::string alone = OutputOf(1, program);
  for (int ranks : {2, 3, 4, 7}) ExpectClose(alone, OutputOf(ranks, program), 1e-9);
}

TEST(TrainStepTest, SgdIsThatOfOneDevice) { ExpectParity(Training(kSgd, "nn/mse-loss", kValues)); }

TEST(TrainStepTest, MomentumIsThatOfOneDevice) {
  ExpectParity(Training(kMomentum, "nn/cross-entropy-loss", kClasses));
}

TEST(TrainStepTest, AdamIsThatOfOneDevice) {
  ExpectParity(Training(kAdam, "nn/cross-entropy-loss", kClasses));
}

TEST(TrainStepTest, LargeParametersAreThoseOfOneDevice) {
  // 320 KB each; the second has a gradient in some steps only, and where a rank has rows.
  ExpectParity(R"(
    (torch/manual-seed 5)
    (define one (nn/linear 200 200))
    (define two (nn/linear 200 200))
    (define both (nn/sequential one two))
    (define optimizer (optim/adam both 0.001))
    (define (sums tensors) (map (lambda (t) (torch/item (torch/sum (torch/mul t t)))) tensors))
    (define (step model rows)
      (write (optim/train-step! model optimizer nn/mse-loss
               (parallel/shard (torch/randn (list rows 200)))
               (parallel/shard (torch/randn (list rows 200)))))
      (write (sums (map torch/grad (nn/parameters model))))
      (newline))
    (for-each (lambda (rows) (step both rows) (step one rows)) '(50 3 2 1 7))
    (write (sums (nn/parameters both)))
    (write (parallel/replicas-equal? both)))");
}

TEST(TrainStepTest, OtherOptimizersAreThoseOfOneDevice) {
  for (const char* optimizer :
       {"(optim/adamw model 0.01 'weight-decay 0.1)", "(optim/rmsprop model 0.01 'momentum 0.5)",
        "(optim/adagrad model 0.05 'rate-decay 0.1)"}) {
    ExpectParity(Training(optimizer, "nn/mse-loss", kValues));
  }
}

// The norm is that of the gradients of all parameters on all ranks together.
TEST(TrainStepTest, ClippingIsThatOfOneDevice) {
  ExpectParity(Training("(optim/sgd model 0.5 'clip-norm 0.1)", "nn/mse-loss", kValues));
  ExpectParity(Training("(optim/adam model 0.01 'clip-value 0.01)", "nn/mse-loss", kValues));
}

TEST(TrainStepTest, TheLearningRateMayChangeOnAllRanks) {
  ExpectParity(
      Training(kAdam, "nn/mse-loss",
               "(optim/set-learning-rate! optimizer (/ 0.1 rows)) (torch/randn (list rows 4))"));
}

TEST(TrainStepTest, ALearningRateOfOneRankIsADesync) {
  for (const ReplicaResult& result : RunReplicas(2, R"(
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model (if (= rank 0) 0.1 0.2)))
    (optim/train-step! model optimizer nn/mse-loss (torch/ones '(2 3)) (torch/ones '(2 2))))")) {
    EXPECT_EQ(result.error.find("runtime.desync: "), 0u) << result.error;
    EXPECT_NE(result.error.find("rank 0 has learning rate 0.1, rank 1 has learning rate 0.2"),
              std::string::npos)
        << result.error;
  }
}

TEST(TrainStepTest, AnOptimizerThatOneRankHasOtherwiseIsADesync) {
  struct Case {
    const char *optimizer, *message;
  };
  for (const auto& [optimizer, message] :
       {Case{"(optim/sgd model 0.1 'momentum (if (= rank 0) 0.9 0.5))",
             "where rank 0 has optimizer sgd, momentum 0.9, weight-decay 0.0, nesterov 0.0, rank 1 "
             "has optimizer sgd, momentum 0.5, weight-decay 0.0, nesterov 0.0"},
        Case{"(optim/adam model 0.1 'beta2 (if (= rank 0) 0.9 0.99))", "beta2 0.99"},
        Case{"(optim/rmsprop model 0.1 'epsilon (if (= rank 0) 1e-8 1e-9))", "epsilon 1e-09"},
        Case{"(optim/adagrad model 0.1 'initial rank)", "initial 1.0"},
        Case{"(optim/sgd model 0.1 'average (if (= rank 0) 0.9 0.99))", "average 0.99"}}) {
    SCOPED_TRACE(optimizer);
    for (const ReplicaResult& result : RunReplicas(2, std::string(R"(
      (define model (nn/linear 3 2))
      (define optimizer )") + optimizer + R"()
      (optim/train-step! model optimizer nn/mse-loss (torch/ones '(2 3)) (torch/ones '(2 2))))")) {
      EXPECT_EQ(result.error.find("runtime.desync: "), 0u) << result.error;
      EXPECT_NE(result.error.find(message), std::string::npos) << result.error;
    }
  }
}

TEST(TrainStepTest, AParameterThatOneRankFreezesIsADesync) {
  for (const char* when : {"0", "2"}) {
    for (const ReplicaResult& result : RunReplicas(2, std::string(R"(
      (define model (nn/linear 3 2))
      (define optimizer (optim/sgd model 0.1))
      (define (step i)
        (if (and (= rank 1) (= i )") + when + R"())
            (torch/requires-grad! (car (nn/parameters model)) #f))
        (optim/train-step! model optimizer nn/mse-loss (torch/ones '(2 3)) (torch/ones '(2 2)))
        (if (< i 4) (step (+ i 1))))
      (step 0))")) {
      EXPECT_EQ(result.error.find("runtime.desync: "), 0u) << result.error;
      EXPECT_NE(result.error.find("rank 0 has nothing, rank 1 has a frozen weight"),
                std::string::npos)
          << result.error;
    }
  }
}

TEST(TrainStepTest, AProcedureOfTheProgramIsAMeanOverRows) {
  ExpectParity(Training(kMomentum,
                        "(lambda (p y) (let ((d (torch/sub p y))) (torch/mean (torch/mul d d))))",
                        kValues));
}

// The gradient would be 1e-320, of which float64 has no more than some of the bits. Steps that are
// replayed do as the first ones.
TEST(TrainStepTest, WhatUnderflowsInAStepIsZeroAndNotElsewhere) {
  for (const int ranks : {1, 2}) {
    const std::string output = OutputOf(ranks, R"(
        (import std.torch)
        (define model (linear 1 1))
        (define optimizer (sgd model 1.0))
        (define (tiny prediction target)
          (t* (t* (tsum prediction) (tensor 1e-200)) (tensor 1e-120)))
        (define (step) (train-step! model optimizer tiny (ones '(1 1)) (ones '(1 1))))
        (define (show p) (display (to-list (grad p))))
        (do ((i 0 (+ i 1))) ((= i 5)) (step) (for-each show (parameters model)))
        (backward (tiny (forward model (ones '(1 1))) '()))
        (display (> (item (grad (car (parameters model)))) 0)))");
    EXPECT_EQ(output.find("e-"), std::string::npos) << output;
    EXPECT_TRUE(output.ends_with("#t")) << output;
  }
}

// A scaler takes it for a number that overflowed, on any number of replicas.
TEST(TrainStepTest, ADynamicScaleBacksOffForALossThatIsNotFinite) {
  const std::string program = R"((import std.torch std.optim (only std.parallel shard))
    (manual-seed 5)
    (define model (linear 3 2))
    (define optimizer (sgd model 0.05 'loss-scale 'dynamic))
    (define (broken p t) (t+ (mse-loss p t) (neg (tlog (zeros '(1))))))
    (define (step loss)
      (let ((mean (train-step! model optimizer loss (shard (randn '(8 3))) (shard (randn '(8 2))))))
        (write (list (if (finite? mean) mean 0) (loss-scale optimizer)))
        (newline)))
    (for-each step (list mse-loss broken broken mse-loss mse-loss)))";
  const std::string alone = OutputOf(1, program);
  EXPECT_NE(alone.find("(0 32768.0)"), std::string::npos) << alone;
  EXPECT_NE(alone.find("(0 16384.0)"), std::string::npos) << alone;
  for (int ranks : {2, 3}) ExpectClose(alone, OutputOf(ranks, program), 1e-12);
}

TEST(TrainStepTest, TargetsThatDoNotCountHaveNoWeight) {
  // Class -100 is ignored: of 8 rows only some count, on each rank a different number.
  ExpectParity(R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 4))
    (define optimizer (optim/sgd model 0.1))
    (define x (torch/randn '(8 3)))
    (define y (torch/from-list '(1 -100 2 -100 -100 -100 0 3) 'int64))
    (define (step i)
      (write (optim/train-step! model optimizer nn/cross-entropy-loss
               (parallel/shard x) (parallel/shard y)))
      (newline))
    (for-each step '(1 2 3))
    (write (map torch/to-list (nn/parameters model))))");
}

TEST(TrainStepTest, ARunIsRepeatedToTheBit) {
  const std::string program = Training(kMomentum, "nn/mse-loss", kValues);
  EXPECT_EQ(OutputOf(3, program), OutputOf(3, program));
}

TEST(TrainStepTest, AloneItIsTheStepByHand) {
  const std::string start = R"(
    (torch/manual-seed 1)
    (define model (nn/sequential (nn/linear 3 5) (nn/relu-layer) (nn/linear 5 2)))
    (define optimizer (optim/adam model 0.01))
    (define x (torch/randn '(8 3)))
    (define y (torch/randn '(8 2)))
    (define (loss p y) (nn/mse-loss p y)))";
  const std::string end = R"(
    (for-each step '(1 2 3))
    (write (map torch/to-list (nn/parameters model))))";
  const std::string by_hand = start + R"(
    (define (step i)
      (optim/zero-grad! optimizer)
      (let ((l (loss (nn/forward model x) y)))
        (torch/backward l)
        (optim/step! optimizer)
        (write (torch/item l))
        (newline))))" + end;
  const std::string whole = start + R"(
    (define (step i) (write (optim/train-step! model optimizer loss x y)) (newline)))" +
                            end;
  EXPECT_EQ(OutputOf(1, by_hand), OutputOf(1, whole));
}

TEST(TrainStepTest, AllStartFromRankZerosParameters) {
  const std::string output = OutputOf(3, R"(
    (torch/manual-seed (+ 10 rank))
    (define model (nn/linear 3 2))
    (define before (parallel/replicas-equal? model))
    (torch/manual-seed 4)
    (define optimizer (optim/sgd model 0.1))
    (optim/train-step! model optimizer nn/mse-loss
      (parallel/shard (torch/randn '(7 3))) (parallel/shard (torch/randn '(7 2))))
    (write (list before (parallel/replicas-equal? model))))");
  EXPECT_EQ(output, "(#f #t)");
}

TEST(TrainStepTest, GradientsAreThoseOfAllRowsAfterwards) {
  const std::string program = R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (optim/train-step! model optimizer nn/mse-loss
      (parallel/shard (torch/randn '(2 3))) (parallel/shard (torch/randn '(2 2))))
    (write (map (lambda (p) (torch/to-list (torch/grad p))) (nn/parameters model))))";
  ExpectClose(OutputOf(1, program), OutputOf(3, program), 1e-9);
}

TEST(TrainStepTest, AParameterWithoutGradientIsSkipped) {
  const std::string program = R"(
    (torch/manual-seed 5)
    (define used (nn/linear 3 2))
    (define unused (nn/linear 3 2))
    (define optimizer (optim/sgd (nn/sequential used unused) 0.1 'weight-decay 0.5))
    (define before (map torch/to-list (nn/parameters unused)))
    (optim/train-step! used optimizer nn/mse-loss
      (parallel/shard (torch/randn '(5 3))) (parallel/shard (torch/randn '(5 2))))
    (write (map torch/grad (nn/parameters unused)))
    (write (equal? before (map torch/to-list (nn/parameters unused)))))";
  EXPECT_EQ(OutputOf(1, program), "(() ())#t");
  EXPECT_EQ(OutputOf(3, program), "(() ())#t");
}

TEST(TrainStepTest, SplitTakesTheRanksRowsItself) {
  const std::string program = R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (step rows)
      (write (optim/train-step! model optimizer nn/mse-loss
               (torch/randn (list rows 3)) (torch/randn (list rows 2))))
      (newline))
    (for-each step '(8 5 1)))";
  const ReplicaOptions split{.launch = {.split = true}};
  const std::string alone = OutputOf(1, program);
  ExpectClose(alone, OutputOf(3, program, split), 1e-9);
  EXPECT_EQ(RunReplicas(3, program, split)[0].complaints, "");
  // Without it the result is the same, but the user is told, once.
  const auto results = RunReplicas(3, program);
  ExpectClose(alone, results[0].output, 1e-9);
  const std::string& warning = results[0].complaints;
  EXPECT_NE(warning.find("warning [train.eta:6:14]: every replica"), std::string::npos) << warning;
  EXPECT_EQ(warning.find("warning", 1), std::string::npos) << warning;
  EXPECT_EQ(results[1].complaints, "");
}

TEST(TrainStepTest, EachRankDropsOutOtherElements) {
  // The same rows everywhere: only the masks can make the losses differ.
  const std::string program = R"(
    (define model (nn/sequential (nn/linear 4 64) (nn/dropout 0.5)))
    (define optimizer (optim/sgd model 0.1))
    (define (loss p y)
      (write (torch/to-list p))
      (nn/mse-loss p y))
    (optim/train-step! model optimizer loss (torch/ones '(1 4)) (torch/ones '(1 64)))
    (write (torch/to-list (torch/randn '(3)))))";
  const auto results = RunReplicas(2, program);
  EXPECT_EQ(results[0].error, "");
  EXPECT_NE(results[0].output, results[1].output);
  // The common stream stays common.
  const auto tail = [](const std::string& text) { return text.substr(text.rfind('(')); };
  EXPECT_EQ(tail(results[0].output), tail(results[1].output));
}

TEST(TrainStepTest, AStepIsOneMeeting) {
  const auto steps = [](const std::string& list) {
    return R"(
      (define model (nn/linear 3 2))
      (define optimizer (optim/sgd model 0.1 'momentum 0.9))
      (define (step i)
        (optim/train-step! model optimizer nn/mse-loss
          (parallel/shard (torch/randn '(6 3))) (parallel/shard (torch/randn '(6 2)))))
      (for-each step ')" +
           list + ")";
  };
  EXPECT_EQ(RunReplicas(2, steps("(1)"))[0].meetings, 2u);  // one more for the first
  EXPECT_EQ(RunReplicas(2, steps("(1 2 3 4 5)"))[0].meetings, 6u);
}

// Where ranks share cores, few of them do for all what follows the backward pass.
TEST(TrainStepTest, TheNumberOfCoresChangesNothing) {
  const std::string program = R"(
    (import std.torch) (import (except std.parallel rank))
    (manual-seed 4)
    (define model (sequential (linear 6 40) (relu-layer) (linear 40 3)))
    (define opt (adam model 0.01 'clip-norm 0.05))
    (define (step i)
      (write (train-step! model opt mse-loss (shard (randn '(7 6))) (shard (randn '(7 3)))))
      (newline))
    (for-each step '(1 2 3 4 5 6))
    (write (map (lambda (p) (to-list (grad p))) (parameters model)))
    (write (map to-list (parameters model))))";
  const std::string expected = OutputOf(5, program, {.cores = 5});
  for (int cores : {1, 2, 3}) EXPECT_EQ(OutputOf(5, program, {.cores = cores}), expected) << cores;
}

TEST(TrainStepTest, RanksThatSleepHearOfGradientsThatAreNotFinite) {
  const std::string program = R"(
    (import std.torch) (import (except std.parallel rank))
    (manual-seed 4)
    (define model (linear 6 3))
    (define opt (sgd model 0.01))
    (define x (randn '(6 6)))
    (define (loss p y) (tsum (if (= rank 2) (tsqrt (t- p p)) p)))
    (train-step! model opt loss x x))";
  for (int cores : {1, 2, 3}) {
    for (const ReplicaResult& result : RunReplicas(3, program, {.cores = cores})) {
      EXPECT_NE(result.error.find("the gradient of weight on rank 2 is not finite"),
                std::string::npos)
          << result.error;
    }
  }
}

}  // namespace
}  // namespace eta::parallel
