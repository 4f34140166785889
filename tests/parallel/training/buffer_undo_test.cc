// A training step that comes to nothing leaves the buffers of the model as they were.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains for six steps, in the third of which (fault! ATTEMPT) runs after the forward pass, where
// attempts count from 1. Writes the losses and the running statistics that there are at the end.
std::string Training(const std::string& layer, const std::string& fault) {
  return R"((import std.torch std.nn std.tensor)
    (manual-seed 5)
    (define model (sequential (linear 3 2) )" +
         layer + R"())
    (define optimizer (adam model 0.01))
    (define attempts 0)
    (define (fault attempt) )" +
         fault + R"()
    (define (loss-in step)
      (lambda (p t)
        (if (= step 3)
            (begin (set! attempts (+ attempts 1)) (fault attempts) (mse-loss p t))
            (mse-loss p t))))
    (define (step i)
      (write (train-step! model optimizer (loss-in i) (parallel/shard (randn '(8 3)))
                          (parallel/shard (randn '(8 2)))))
      (newline))
    (for-each step '(1 2 3 4 5 6))
    (write (map to-list (buffers model))))";
}

constexpr const char* kOwn = "(batch-norm 2)";
constexpr const char* kSync = "(batch-norm 2 'sync #t)";

std::string OutputOfRank0(const std::string& program, const ReplicaOptions& options) {
  const ReplicaResult result = RunReplicas(2, program, options)[0];
  EXPECT_EQ(result.error, "");
  return result.output;
}

TEST(BufferUndoTest, AStepThatIsTakenAgainCountsOnce) {
  const ReplicaOptions heal{.launch = {.on_failure = OnFailure::kHeal}};
  for (const char* layer : {kOwn, kSync}) {
    EXPECT_EQ(OutputOfRank0(Training(layer, "(if (and (= rank 1) (= attempt 1)) (car 5))"), heal),
              OutputOfRank0(Training(layer, "'nothing"), heal));
  }
}

// Healing is for the rank that failed.
TEST(BufferUndoTest, ARankThatIsWellKeepsItsStatistics) {
  const ReplicaOptions heal{.launch = {.on_failure = OnFailure::kHeal}};
  const auto output_of_rank_2 = [&](const std::string& fault) {
    return RunReplicas(3, Training(kOwn, fault), heal)[2].output;
  };
  EXPECT_EQ(output_of_rank_2("(when (and (= rank 1) (= attempt 1)) (car 5))"),
            output_of_rank_2("'nothing"));
}

// Writes whether the running statistics are as before: after a step with `loss`, a procedure that
// makes it come to nothing, and after one more.
std::string OneBadStep(const std::string& layer, const std::string& loss) {
  return R"((import std.torch std.nn std.tensor)
    (manual-seed 5)
    (define model (sequential (linear 3 2) )" +
         layer + R"())
    (define optimizer (adam model 0.01))
    (define (step loss)
      (train-step! model optimizer loss (parallel/shard (randn '(8 3)))
                   (parallel/shard (randn '(8 2)))))
    (define (statistics) (map to-list (buffers model)))
    (step mse-loss)
    (define before (statistics))
    (catch 'runtime.type-error (step )" +
         loss + R"())
    (write (equal? before (statistics)))
    (step mse-loss)
    (write (equal? before (statistics))))";
}

TEST(BufferUndoTest, AStepThatIsSkippedDoesNotCount) {
  const ReplicaOptions skip{.launch = {.on_nonfinite = OnNonfinite::kSkip}};
  for (const char* layer : {kOwn, kSync}) {
    for (const char* loss : {"(lambda (p t) (t* (mse-loss p t) (tlog (neg (ones (list 1))))))",
                             "(lambda (p t) (tsum (tsqrt (t- p p))))"}) {
      EXPECT_EQ(OutputOf(2, OneBadStep(layer, loss), skip), "#t#f") << loss;
    }
  }
}

TEST(BufferUndoTest, NorDoesOneThatFails) {
  for (const int shards : {0, 4}) {
    EXPECT_EQ(OutputOf(2, OneBadStep(kOwn, "(lambda (p t) (car 5))"), {.shards = shards}), "#t#f");
  }
}

}  // namespace
}  // namespace eta::parallel
