// A training step that comes to nothing leaves the buffers of the model as they were.
#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr const char* kOwn = "(batch-norm 2)";
constexpr const char* kSync = "(batch-norm 2 'sync #t)";

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
  for (const int replicas : {1, 2}) {
    for (const int shards : {0, 4}) {
      EXPECT_EQ(OutputOf(replicas, OneBadStep(kOwn, "(lambda (p t) (car 5))"), {.shards = shards}),
                "#t#f");
    }
  }
}

// A class that does not exist ends the replay after the running statistics have moved.
TEST(BufferUndoTest, NorDoesACapturedOne) {
  const std::string program = R"((import std.torch std.nn std.tensor)
    (manual-seed 5)
    (define model (sequential (linear 3 2) (batch-norm 2)))
    (define optimizer (sgd model 0.01))
    (define (step classes)
      (train-step! model optimizer cross-entropy-loss (parallel/shard (randn '(8 3)))
                   (parallel/shard classes)))
    (define (statistics) (map to-list (buffers model)))
    (define (good) (step (zeros '(8) 'int64)))
    (good) (good) (good) (good)
    (define before (statistics))
    (catch 'runtime.type-error (step (full '(8) 7 'int64)))
    (write (equal? before (statistics)))
    (good)
    (write (equal? before (statistics)))
    (write (> (list-ref (car (optim/capture-status optimizer)) 4) 2)))";
  for (const int replicas : {1, 2}) EXPECT_EQ(OutputOf(replicas, program), "#t#f#t");
}

}  // namespace
}  // namespace eta::parallel
