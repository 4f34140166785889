// Several batches for one update: no-sync, and loops by hand.
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains with updates over the rows 0-4, 5-6 and 7-11 of twelve, in one batch or in three. Displays
// the losses and the parameters.
std::string Program(const std::string& optimizer, const std::string& loss,
                    const std::string& step) {
  return R"(
    (import std.torch) (import (except std.parallel rank))
    (manual-seed 7)
    (define xs (list (randn '(5 4)) (randn '(2 4)) (randn '(5 4))))
    (define ys (list (randn '(5 2)) (randn '(2 2)) (randn '(5 2))))
    (define model (sequential (linear 4 5) (relu-layer) (linear 5 2)))
    (define opt )" +
         optimizer + R"()
    (define loss )" +
         loss + R"()
    (define (train x y) (train-step! model opt loss (shard x) (shard y)))
    (define (one-batch) (train (cat xs 0) (cat ys 0)))
    (define (three-batches)
      (no-sync (lambda () (for-each (lambda (i) (train (list-ref xs i) (list-ref ys i))) '(0 1))))
      (train (list-ref xs 2) (list-ref ys 2)))
    (define losses
      (let loop ((i 0) (losses '()))
        (if (= i 6) (reverse losses) (loop (+ i 1) (cons )" +
         step + R"( losses)))))
    (display losses)
    (for-each (lambda (p) (display (to-list p))) (parameters model))
    (if (not (replicas-equal? model)) (display " the replicas differ")))";
}

constexpr const char* kOneBatch = "(one-batch)";
constexpr const char* kThreeBatches = "(three-batches)";
constexpr const char* kMeanLoss =
    "(lambda (p t) (mean (t* (t- p t) (t- p t))))";  // not the library's

// By backend.
class SeveralBatchesTest : public testing::TestWithParam<const char*> {
 protected:
  const FakeNccl nccl_;
};

TEST_P(SeveralBatchesTest, TrainAsOneDoes) {
  const char* const optimizers[] = {"(sgd model 0.1)", "(sgd model 0.1 'momentum 0.9)",
                                    "(adam model 0.01)"};
  for (const std::string optimizer : optimizers) {
    for (const std::string loss : {"mse-loss", kMeanLoss}) {
      const std::string expected = OutputOf(1, Program(optimizer, loss, kOneBatch));
      for (int ranks : {1, 2, 3, 4}) {
        SCOPED_TRACE(optimizer + " " + loss + " on " + std::to_string(ranks));
        const std::string program = Program(optimizer, loss, kThreeBatches);
        ExpectClose(expected, OutputOf(ranks, program, {.backend = GetParam()}), 1e-9);
      }
    }
  }
}

// The gradients of large parameters are the very tensors that autograd makes.
TEST_P(SeveralBatchesTest, TrainLargeParametersAsOneDoes) {
  const auto program = [](const std::string& step) {
    return R"(
      (import std.torch) (import (except std.parallel rank))
      (manual-seed 7)
      (define model (sequential (linear 3 200) (linear 200 200)))
      (define opt (sgd model 0.1 'momentum 0.9))
      (define xs (map (lambda (n) (randn (list n 3))) '(4 1 4)))
      (define ys (map (lambda (n) (randn (list n 200))) '(4 1 4)))
      (define (train x y) (train-step! model opt mse-loss (shard x) (shard y)))
      (define (part i) (train (list-ref xs i) (list-ref ys i)))
      (define (steps n) (if (> n 0) (begin )" +
           step + R"( (steps (- n 1)))))
      (steps 3)
      (display (replicas-equal? model))
      (display (map (lambda (p) (item (tsum (t* p p)))) (parameters model))))";
  };
  const std::string expected = OutputOf(1, program("(train (cat xs 0) (cat ys 0))"));
  const std::string parts = program("(no-sync (lambda () (part 0) (part 1))) (part 2)");
  for (int ranks : {1, 2, 3}) {
    const std::string actual = OutputOf(ranks, parts, {.backend = GetParam()});
    EXPECT_EQ(actual.find("#t"), 0u) << actual;
    ExpectClose(expected, actual, 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SeveralBatchesTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

constexpr const char* kSetUp = R"(
    (import std.torch) (import (except std.parallel rank))
    (manual-seed 7)
    (define model (linear 2 1))
    (define opt (sgd model 0.1))
    (define (step input)
      (train-step! model opt mse-loss input (zeros (list (car (shape input)) 1))))
    (define (weights) (to-list (car (parameters model)))))";

TEST(AccumulationTest, NoUpdateInsideNoSync) {
  EXPECT_EQ(OutputOf(2, std::string(kSetUp) + R"(
    (define before (weights))
    (no-sync (lambda () (step (ones '(3 2))) (step (ones '(1 2)))))
    (display (equal? before (weights)))
    (step (ones '(2 2)))
    (display (equal? before (weights))))"),
            "#t#f");
}

TEST(AccumulationTest, StepsInsideNoSyncDoNotMeet) {
  const std::string program = std::string(kSetUp) + "(step (ones '(2 2)))";
  const auto meetings = [&](const std::string& more) {
    return RunReplicas(2, program + more)[0].meetings;
  };
  EXPECT_EQ(meetings("(no-sync (lambda () (step (ones '(2 2))) (step (ones '(3 2)))))"),
            meetings(""));
}

TEST(AccumulationTest, RanksMayGatherDifferentlyOften) {
  // Rank r has r + 1 batches of one row with the value r: together 1 * 0, 2 * 1, 3 * 2.
  const std::string expected = OutputOf(1, std::string(kSetUp) + R"(
    (step (tensor '((0 0) (1 1) (1 1) (2 2) (2 2) (2 2))))
    (display (weights)))");
  const std::string actual = OutputOf(3, std::string(kSetUp) + R"(
    (define input (t* (ones '(1 2)) (tensor rank)))
    (no-sync (lambda () (let loop ((i 0)) (if (< i rank) (begin (step input) (loop (+ i 1)))))))
    (step input)
    (display (weights)))");
  ExpectClose(expected, actual, 1e-9);
}

TEST(AccumulationTest, BatchesWithoutRowsAddNothing) {
  for (int ranks : {1, 2}) {
    const std::string plain = std::string(kSetUp) + "(step (shard (ones '(3 2))))";
    const std::string shown = "(display (weights))";
    ExpectClose(OutputOf(ranks, plain + shown),
                OutputOf(ranks, std::string(kSetUp) +
                                    "(no-sync (lambda () (step (ones '(0 2)))))"
                                    "(step (shard (ones '(3 2))))" +
                                    shown),
                1e-12);
  }
}

TEST(AccumulationTest, AFailureForgetsWhatWasGatheredOnAllRanks) {
  for (int ranks : {1, 2}) {
    const std::string expected =
        OutputOf(ranks, std::string(kSetUp) + "(step (ones '(2 2))) (display (weights))");
    const std::string actual = OutputOf(ranks, std::string(kSetUp) + R"(
      (no-sync (lambda () (step (t* (ones '(2 2)) (tensor 9)))))
      (catch 'runtime.error (step (if (= rank (- (world-size) 1)) (ones '(2 7)) (ones '(2 2)))))
      (step (ones '(2 2)))
      (display (weights)))");
    EXPECT_EQ(actual, expected);
  }
}

TEST(AccumulationTest, AFailureInsideNoSyncReachesTheOthersAtTheNextStep) {
  const auto results = RunReplicas(2, std::string(kSetUp) + R"(
    (no-sync (lambda () (step (if (= rank 1) (ones '(2 7)) (ones '(2 2))))))
    (step (ones '(2 2))))");
  EXPECT_NE(results[0].error.find("runtime.peer-failed: optim/train-step!: rank 1 failed"),
            std::string::npos)
      << results[0].error;
  EXPECT_EQ(results[1].error.find("runtime.type-error: optim/train-step!"), 0u) << results[1].error;
}

TEST(AccumulationTest, NoSyncEndsWithAnError) {
  EXPECT_EQ(OutputOf(2, std::string(kSetUp) + R"(
    (define before (weights))
    (catch 'oops (no-sync (lambda () (raise 'oops 1))))
    (step (ones '(2 2)))
    (display (equal? before (weights))))"),
            "#f");
}

TEST(AccumulationTest, BackwardCallsAddUpByHand) {
  const std::string by_hand = R"(
    (define (add x y) (backward (tsum (t* (forward model (shard x)) (shard y)))))
    (add (randn '(4 2)) (randn '(4 1)))
    (add (randn '(2 2)) (randn '(2 1)))
    (no-sync (lambda () (average-gradients! model)))
    (average-gradients! model)
    (step! opt)
    (display (map to-list (parameters model)))
    (display (replicas-equal? model)))";
  // The mean over the ranks of sums over their rows: their number is in the rate.
  const std::string one = OutputOf(1, std::string(kSetUp) + by_hand);
  for (int ranks : {2, 3}) {
    std::string set_up(kSetUp);
    set_up.replace(set_up.find("0.1)"), 4, std::to_string(0.1 * ranks) + ")");
    ExpectClose(one, OutputOf(ranks, set_up + by_hand), 1e-9);
  }
}

TEST(AccumulationTest, GradientsOfNoSyncAreNotStepped) {
  const auto results = RunReplicas(2, std::string(kSetUp) + R"(
    (no-sync (lambda () (step (ones '(2 2))) (average-gradients! model)))
    (step! opt))");
  for (const auto& result : results) {
    EXPECT_NE(result.error.find("is this replica's own"), std::string::npos) << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
