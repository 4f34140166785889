// Replicas train the layers and losses of std.nn as one device does.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains on batches of several sizes, also smaller than the number of ranks.
std::string Training(const std::string& model, const std::string& input, const std::string& loss,
                     const std::string& target) {
  return R"((import std.torch std.nn)
    (manual-seed 5)
    (define model )" +
         model + R"()
    (define optimizer (sgd model 0.05 'momentum 0.9))
    (define weight (tensor '(1 2 0.5 4)))
    (define (step rows)
      (let* ((x )" +
         input + ") (y " + target + R"())
        (write (train-step! model optimizer )" +
         loss + R"( (parallel/shard x) (parallel/shard y)))
        (newline)))
    (for-each step '(12 7 3 1 2 12))
    (write (map to-list (parameters model)))
    (write (parallel/replicas-equal? model)))";
}

void ExpectParity(const std::string& program) {
  const std::string alone = OutputOf(1, program);
  EXPECT_NE(alone.find("#t"), std::string::npos) << alone;
  for (int ranks : {2, 3, 4}) ExpectClose(alone, OutputOf(ranks, program), 1e-9);
}

constexpr const char* kLinear = "(linear 3 4)";
constexpr const char* kRows = "(randn (list rows 3))";
constexpr const char* kValues = "(randn (list rows 4))";
constexpr const char* kShares = "(softmax (randn (list rows 4)) 1)";
constexpr const char* kClasses = "(argmax (randn (list rows 4)) 1)";

TEST(LayersOnReplicasTest, ASizeIsAShapeOfOneAxis) {
  const auto trained = [](const std::string& norm) {
    return OutputOf(1,
                    Training("(sequential (linear 3 4) " + norm + ")", kRows, "mse-loss", kValues));
  };
  EXPECT_EQ(trained("(layer-norm 4)"), trained("(layer-norm '(4))"));
}

TEST(LossesOnReplicasTest, ElementwiseLosses) {
  for (const char* loss : {"smooth-l1-loss", "huber-loss", "bce-with-logits-loss"}) {
    ExpectParity(Training(kLinear, kRows, loss, kShares));
  }
  ExpectParity(Training("(sequential (linear 3 4) (sigmoid-layer))", kRows, "bce-loss", kShares));
}

TEST(LossesOnReplicasTest, ClassWeightsAndIgnoredClassesCount) {
  ExpectParity(Training(kLinear, kRows,
                        "(lambda (p t) (cross-entropy-loss p t 'weight weight 'ignore-index 0 "
                        "'label-smoothing 0.1))",
                        "(torch/masked-fill " + std::string(kClasses) +
                            " (torch/eq (torch/arange 0 rows 'int64) 0) 1)"));
}

TEST(LossesOnReplicasTest, SumsAreAddedUp) {
  ExpectParity(Training(kLinear, kRows, "(lambda (p t) (mse-loss p t 'reduction 'sum))", kValues));
}

TEST(LossesOnReplicasTest, SumsOfSeveralBatchesAreAddedUp) {
  const std::string program = R"((import std.torch (only std.parallel shard no-sync))
    (manual-seed 5)
    (define model (linear 3 2))
    (define optimizer (sgd model 0.05))
    (define (loss p t) (mse-loss p t 'reduction 'sum))
    (define (batch rows)
      (let* ((x (randn (list rows 3))) (y (randn (list rows 2))))
        (train-step! model optimizer loss (shard x) (shard y))))
    (define (step rows)
      (no-sync (lambda () (batch rows)))
      (write (batch 5))
      (newline))
    (for-each step '(7 4))
    (write (map to-list (parameters model))))";
  const std::string alone = OutputOf(1, program);
  for (int ranks : {2, 3}) ExpectClose(alone, OutputOf(ranks, program), 1e-9);
}

TEST(LossesOnReplicasTest, AProcedureThatGivesALossOfTheLibraryIsExact) {
  // All ranks' rows count, but not alike: the mean over rows would be another number.
  ExpectParity(Training(kLinear, kRows,
                        "(lambda (p t) (nll-loss (torch/log-softmax p 1) t 'weight weight))",
                        kClasses));
}

TEST(LayersOnReplicasTest, Convolutions) {
  ExpectParity(
      Training("(sequential (conv2d 1 2 3) (relu-layer) (max-pool2d 2) (flatten-layer) "
               "(linear 8 4))",
               "(randn (list rows 1 6 6))", "cross-entropy-loss", kClasses));
}

TEST(LayersOnReplicasTest, Sequences) {
  for (const char* layer : {"(lstm 3 2)", "(gru 3 2)"}) {
    ExpectParity(Training(std::string("(sequential ") + layer + " (flatten-layer) (linear 8 4))",
                          "(randn (list rows 4 3))", "mse-loss", kValues));
  }
}

TEST(LayersOnReplicasTest, AttentionAndNormalizations) {
  ExpectParity(
      Training("(sequential (transformer-encoder-layer 4 2 'inner 5 'dropout 0) "
               "(flatten-layer) (linear 12 4))",
               "(randn (list rows 3 4))", "mse-loss", kValues));
  ExpectParity(Training("(sequential (linear 3 4) (residual (group-norm 2 4) (gelu-layer)))", kRows,
                        "mse-loss", kValues));
}

// Buffers that differ at the start become those of rank 0.
TEST(LayersOnReplicasTest, AllStartFromRankZerosBuffers) {
  EXPECT_EQ(OutputOf(3, R"((import std.torch std.nn)
    (define offset (tensor (list rank)))
    (define inner (linear 1 1))
    (define model (make-module (list (cons 'inner inner) (cons 'offset offset))
                               (lambda (x) (t+ offset (forward inner x)))))
    (train-step! model (sgd model 0.1) mse-loss (ones '(2 1)) (ones '(2 1)))
    (write (to-list offset)))"),
            "(0.0)");
}

TEST(LayersOnReplicasTest, AnErrorInAModuleOfTheProgramIsThatOfItsRank) {
  const auto results = RunReplicas(2, R"((import std.torch std.nn)
    (define inner (linear 1 1))
    (define model (make-module (list (cons 'inner inner))
                               (lambda (x) (if (= rank 1) (car '()) (forward inner x)))))
    (train-step! model (sgd model 0.1) mse-loss (ones '(2 1)) (ones '(2 1))))");
  EXPECT_NE(results[1].error.find("car"), std::string::npos) << results[1].error;
  EXPECT_EQ(results[0].error.find("runtime.peer-failed: "), 0u) << results[0].error;
}

}  // namespace
}  // namespace eta::parallel
