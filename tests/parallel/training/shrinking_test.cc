// Steps that fail on some ranks under --on-failure shrink: these ranks are dropped, and from there
// the run is that of a smaller world.
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"
#include "tests/support/temporary_folder.h"

namespace eta::parallel {
namespace {

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Six batches of 9 rows, on which (train FROM TO FAULTS) takes steps, and writes the losses. The
// faults are lists (step rank ...) of what fails.
constexpr const char* kTraining = R"((import std.torch std.optim std.collections)
    (manual-seed 5)
    (define model (sequential (linear 3 5) (relu-layer) (linear 5 2)))
    (define generator (linear 3 2))
    (define optimizer (adam model 0.01))
    (define other (sgd generator 0.1 'momentum 0.9))
    (define (pairs n) (if (= n 0) '() (cons (cons (randn '(9 3)) (randn '(9 2))) (pairs (- n 1)))))
    (define all-batches (list->vector (pairs 8)))
    (define (fails? faults step)
      (and (pair? faults)
           (or (and (= (caar faults) step) (member (parallel/rank) (cdar faults)))
               (fails? (cdr faults) step))))
    (define (loss-in step faults)
      (lambda (p y) (if (fails? faults step) (car step)) (mse-loss p y)))
    (define (train from to faults)
      (when (<= from to)
        (let* ((batch (vector-ref all-batches from))
               (x (parallel/shard (car batch))) (y (parallel/shard (cdr batch))))
          (write (train-step! generator other mse-loss x y))
          (display " ")
          (write (train-step! model optimizer (loss-in from faults) x y))
          (newline)
          (train (+ from 1) to faults))))
    (define (finish)
      (write (map to-list (parameters model)))
      (write (map to-list (parameters generator)))
      (write (parallel/replicas-equal? model)))
)";

constexpr LaunchOptions kShrink = {.on_failure = OnFailure::kShrink};

class ShrinkingTest : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<ReplicaResult> Train(int ranks, const std::string& body, int shards = 0) {
    return RunReplicas(ranks, kTraining + body,
                       {.launch = kShrink, .backend = GetParam(), .shards = shards});
  }

  // What the ranks that stay write, all the same; the others exit and complain.
  static std::string OutputOfThoseThatStay(const std::vector<ReplicaResult>& results,
                                           const std::vector<size_t>& dropped) {
    for (size_t r = 0; r < results.size(); ++r) {
      const bool stays = std::find(dropped.begin(), dropped.end(), r) == dropped.end();
      EXPECT_EQ(results[r].error, stays ? "" : "exit 0");
      EXPECT_EQ(Contains(results[r].complaints, "car: not a pair; the step is skipped"), !stays)
          << results[r].complaints;
      if (stays) {
        EXPECT_EQ(results[r].output, results[0].output);
      }
    }
    return results[0].output;
  }

  std::string Checkpoint(const std::string& verb) const {
    return "(" + verb + "-checkpoint \"" + folder_.Path("run.ckpt") +
           "\" 'model model 'generator generator 'optimizer optimizer 'other other)";
  }

  const FakeNccl nccl_;

 private:
  const TemporaryFolder folder_;
};

// The smaller world starts from the state before the step, and takes the batches that remain.
TEST_P(ShrinkingTest, FromThereTheRunIsThatOfASmallerWorldToTheBit) {
  const std::string one_model = R"(
    (define (train-one from to faults)
      (when (<= from to)
        (let ((batch (vector-ref all-batches from)))
          (write (train-step! model optimizer (loss-in from faults)
                              (parallel/shard (car batch)) (parallel/shard (cdr batch))))
          (newline)
          (train-one (+ from 1) to faults))))
    (define (rest)
      (train-one 4 7 '())
      (write (map to-list (parameters model)))
      (write (parallel/replicas-equal? model))))";
  const std::string smaller_run = kTraining + one_model + Checkpoint("load") + "(rest)";
  for (const size_t dropped : {1, 2}) {
    const std::string faults = "'((3 " + std::to_string(dropped) + "))";
    const auto results = Train(3, one_model + "(train-one 0 2 '())" + Checkpoint("save") +
                                      "(train-one 3 3 " + faults + ") (display \"rest\") (rest)");
    const std::string output = OutputOfThoseThatStay(results, {dropped});
    EXPECT_EQ(output.substr(output.find("rest") + 4),
              OutputOf(2, smaller_run, {.backend = GetParam()}));
  }
}

TEST_P(ShrinkingTest, TheStepItselfIsPassedOver) {
  const auto results = Train(3, "(train 0 2 '((2 1))) (finish)");
  const std::string output = OutputOfThoseThatStay(results, {1});
  EXPECT_TRUE(Contains(output, "nan\n")) << output;
}

TEST_P(ShrinkingTest, WorldsShrinkAgainAndAgain) {
  const auto results =
      Train(5, "(train 0 7 '((1 1 3) (4 1) (6 1))) (finish) (write (parallel/world-size))");
  // Of 0 1 2 3 4 there remain 0 2 4, then 0 2, then 0.
  const std::string output = OutputOfThoseThatStay(results, {1, 2, 3, 4});
  EXPECT_TRUE(output.ends_with("#t1")) << output;
}

TEST_P(ShrinkingTest, StateThatIsSpreadOverRanksIsPutTogetherFirst) {
  const std::string body = "(train 0 7 '((2 1) (5 1))) (finish)";
  const std::string whole = OutputOfThoseThatStay(Train(4, body), {1, 2});
  const std::string redefined = "(define optimizer (adam model 0.01 'shard-optimizer #t))" + body;
  EXPECT_EQ(OutputOfThoseThatStay(Train(4, redefined), {1, 2}), whole);
}

TEST_P(ShrinkingTest, ResultsAreThoseOfOneDeviceWithoutThatStep) {
  const std::string alone = OutputOf(1, kTraining + std::string(R"(
    (train 0 1 '())
    (write (train-step! generator other mse-loss (car (vector-ref all-batches 2))
                        (cdr (vector-ref all-batches 2))))
    (write 'nan) (newline)
    (train 3 7 '())
    (finish))"));
  const auto results = Train(4, "(train 0 7 '((2 2 3))) (finish)");
  const std::string output = OutputOfThoseThatStay(results, {2, 3});
  const auto rest = [](const std::string& text) { return text.substr(text.find("nan") + 3); };
  ExpectClose(rest(alone), rest(output), 1e-9);
}

TEST_P(ShrinkingTest, DeterministicRunsStayTheSameToTheBit) {
  const auto results = Train(4, "(train 0 7 '((2 1 3))) (finish)", /*shards=*/8);
  const std::string output = OutputOfThoseThatStay(results, {1, 3});
  const auto others = Train(2, "(train 0 7 '((2 1))) (finish)", /*shards=*/8);
  const std::string expected = OutputOfThoseThatStay(others, {1});
  EXPECT_EQ(output, expected);
}

TEST_P(ShrinkingTest, ShardsThatCannotBeDealtEndTheRun) {
  const auto results = Train(4, "(train 0 7 '((2 1))) (finish)", /*shards=*/8);
  EXPECT_EQ(results[1].error, "runtime.type-error: car: not a pair");
  EXPECT_TRUE(Contains(results[1].complaints,
                       "--on-failure shrink: --deterministic needs 1, 2, 4 or 8 replicas, not 3"))
      << results[1].complaints;
}

TEST_P(ShrinkingTest, TheFirstReplicaCannotBeDropped) {
  const auto results = Train(3, "(train 0 7 '((2 0 2))) (finish)");
  EXPECT_EQ(results[0].error, "runtime.type-error: car: not a pair");
  EXPECT_TRUE(Contains(results[0].complaints, "replica 0, which writes the output, cannot be"))
      << results[0].complaints;
  EXPECT_TRUE(Contains(results[1].error, "rank 0 failed")) << results[1].error;
}

TEST_P(ShrinkingTest, AFailureOfAllRanksIsAnError) {
  for (const ReplicaResult& result : Train(3, "(train 0 7 '((2 0 1 2))) (finish)")) {
    EXPECT_EQ(result.error, "runtime.type-error: car: not a pair");
  }
}

TEST_P(ShrinkingTest, LoadersDealTheRowsToThoseThatStay) {
  const auto results = Train(3, R"((import std.data)
    (define (loss-of step) (loss-in step '((2 1))))
    (define (tensor-rows t) (car (shape t)))
    (define step 0)
    (define bs (batches (dataset (ones '(24 3)) (ones '(24 2))) 'batch-size 6))
    (for-each-batch bs (lambda (x y)
      (set! step (+ step 1))
      (write (parallel/all-gather-value (tensor-rows x)))
      (train-step! model optimizer (loss-of step) x y))))");
  EXPECT_EQ(OutputOfThoseThatStay(results, {1}), "(2 2 2)(2 2 2)(3 3)(3 3)");
}

TEST_P(ShrinkingTest, AFailureAfterItNamesTheNewNumber) {
  const auto results =
      Train(3, "(train 0 7 '((2 1))) (if (= (parallel/rank) 1) (cdr 7)) (parallel/barrier)");
  EXPECT_EQ(results[2].error, "runtime.type-error: cdr: not a pair");
  EXPECT_TRUE(Contains(results[0].error, "rank 1 failed at train.eta:")) << results[0].error;
}

INSTANTIATE_TEST_SUITE_P(Backends, ShrinkingTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace eta::parallel
