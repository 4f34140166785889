// (batch-norm n 'sync #t): the statistics, running values and gradients of replicas are those of
// one device that has all rows.
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains on batches of several sizes, also smaller than the number of ranks.
std::string Training(const std::string& optimizer, const std::string& loss = "mse-loss") {
  return R"((import std.torch std.nn std.tensor) (import (except std.parallel rank))
    (manual-seed 5)
    (define first-norm (batch-norm 3 'sync #t 'momentum 0.3))
    (define model (sequential (conv2d 1 3 2) first-norm (relu-layer) (residual (conv2d 3 3 3 'padding 1)
                    (batch-norm 3 'sync #t)) (flatten-layer) (linear 27 4)))
    (define optimizer )" +
         optimizer + R"()
    (define (step rows)
      (let* ((x (randn (list rows 1 4 4))) (y (rand (list rows 4))))
        (write (train-step! model optimizer )" +
         loss + R"( (shard x) (shard y)))
        (newline)))
    (for-each step '(12 7 3 5 2 12))
    (write (map to-list (append (parameters model) (buffers model))))
    (eval! model)
    (write (to-list (forward model (ones '(1 1 4 4)))))
    (write (replicas-equal? model)))";
}

const ReplicaSetting kSettings[] = {{.name = "local", .backend = "local"},
                                    {.name = "nccl", .backend = "nccl"},
                                    kGpuSettings[0],
                                    kGpuSettings[1],
                                    kGpuSettings[2]};

class SyncBatchNormTest : public testing::TestWithParam<ReplicaSetting> {
 protected:
  std::string Output(int ranks, const std::string& program) const {
    return OutputOf(ranks, program, GetParam().OptionsFor(ranks));
  }
  std::vector<ReplicaResult> Run(int ranks, const std::string& program) const {
    ReplicaOptions options = GetParam().OptionsFor(ranks);
    options.stall_timeout = stall_timeout;
    return RunReplicas(ranks, program, options);
  }

  std::chrono::milliseconds stall_timeout = std::chrono::seconds(20);

 private:
  const FakeNccl nccl_;
};

TEST_P(SyncBatchNormTest, ReplicasAgree) {
  for (const char* optimizer :
       {"(sgd model 0.002 'momentum 0.9)", "(sgd model 0.002 'accumulate 2)"}) {
    for (const char* loss :
         {"mse-loss", "(lambda (p t) (mse-loss p t 'reduction 'sum))",
          // Some ranks have rows but nothing that counts.
          "(lambda (p t) (cross-entropy-loss p (argmax t 1) 'ignore-index 3))"}) {
      SCOPED_TRACE(std::string(optimizer) + loss);
      const std::string alone = OutputOf(1, Training(optimizer, loss));
      ASSERT_NE(alone.find("#t"), std::string::npos) << alone;
      for (int ranks : {2, 3, 4}) {
        ExpectClose(alone, Output(ranks, Training(optimizer, loss)), 1e-9);
      }
    }
  }
}

constexpr const char* kSetUp = R"(
    (import std.torch std.nn) (import (except std.parallel rank))
    (manual-seed 5)
    (define model (sequential (linear 3 2) (batch-norm 2 'sync #t)))
    (define optimizer (sgd model 0.1))
    (define (step x) (train-step! model optimizer mse-loss x (zeros (list (car (shape x)) 2)))))";

TEST_P(SyncBatchNormTest, AFailureElsewhereInTheStepIsEverybodys) {
  for (const char* wrong : {"(ones '(2 7))", "(ones '(2 3 1 1))"}) {
    const auto results = Run(3, std::string(kSetUp) + R"(
      (step (randn '(2 3)))
      (define before (map to-list (parameters model)))
      (define result (catch 'runtime.error (step (if (= rank 1) )" +
                                    wrong + R"( (randn '(2 3))))))
      (write (list-ref result 1))
      (write (equal? before (map to-list (parameters model))))
      (step (randn '(2 3)))
      (write (replicas-equal? model)))");
    for (const ReplicaResult& result : results) {
      EXPECT_EQ(result.error, "");
      EXPECT_NE(result.output.find("#t#t"), std::string::npos) << result.output;
    }
    EXPECT_EQ(results[0].output, "runtime.peer-failed#t#t");
    EXPECT_EQ(results[1].output, "runtime.type-error#t#t");
  }
}

TEST_P(SyncBatchNormTest, ALossThatIsNotFiniteIsEverybodys) {
  const auto results = Run(2, std::string(kSetUp) + R"(
    (define (bad p t) (t* (t* (mse-loss p t) (tensor 1e10)) (tensor (if (= rank 1) 1e308 1))))
    (define x (randn '(2 3)))
    (define result (catch 'runtime.error (train-step! model optimizer bad x (zeros '(2 2)))))
    (write (list-ref result 1))
    (step x)
    (write (replicas-equal? model)))");
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output, "runtime.nonfinite#t");
  }
}

// On a GPU nobody looks at its own gradients, so the rank is not known.
TEST_P(SyncBatchNormTest, AGradientThatIsNotFiniteIsEverybodys) {
  const auto results = Run(2, std::string(kSetUp) + R"(
    (define (bad p t) (tsum (t* (tsqrt (t- p p)) (tensor (if (= rank 1) 1 0)))))
    (define before (map to-list (parameters model)))
    (define result (catch 'runtime.error
      (train-step! model optimizer bad (randn '(2 3)) (zeros '(2 2)))))
    (write (list-ref result 1))
    (write (equal? before (map to-list (parameters model))))
    (step (randn '(2 3)))
    (write (replicas-equal? model)))");
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output, "runtime.nonfinite#t#t");
  }
}

TEST_P(SyncBatchNormTest, LayersThatDifferAreADesync) {
  const auto results = Run(2, std::string(kSetUp) + R"(
    (forward (batch-norm (+ 2 rank) 'sync #t) (randn (list 4 (+ 2 rank)))))");
  for (const ReplicaResult& result : results) {
    EXPECT_TRUE(result.error.starts_with("runtime.desync: ")) << result.error;
    EXPECT_NE(result.error.find("statistics of 3 numbers"), std::string::npos) << result.error;
    EXPECT_NE(result.error.find("statistics of 4 numbers"), std::string::npos) << result.error;
  }
}

TEST_P(SyncBatchNormTest, ARankThatDoesNotComeIsAStall) {
  stall_timeout = std::chrono::milliseconds(250);
  const auto results = Run(2, std::string(kSetUp) + R"(
    (step (randn '(2 3)))
    (if (= rank 1) (%time-sleep-ms 700))
    (step (randn '(2 3))))");
  for (const ReplicaResult& result : results) {
    EXPECT_TRUE(result.error.starts_with("runtime.stalled: ")) << result.error;
    EXPECT_NE(result.error.find("for rank 1"), std::string::npos) << result.error;
  }
}

TEST_P(SyncBatchNormTest, LoopsByHandAgreeToo) {
  const std::string program = R"((import std.torch std.nn) (import (except std.parallel rank))
    (manual-seed 5)
    (define model (sequential (linear 3 2) (batch-norm 2 'sync #t) (linear 2 1)))
    (define optimizer (sgd model 0.1))
    (define (step)
      (let ((x (shard (randn '(12 3)))) (y (shard (randn '(12 1)))))
        (optim-zero-grad! optimizer)
        (backward (mse-loss (forward model x) y))
        (average-gradients! model)
        (step! optimizer)))
    (step) (step) (step)
    (write (map to-list (parameters model))))";
  const std::string alone = OutputOf(1, program);
  for (int ranks : {2, 3, 4}) ExpectClose(alone, Output(ranks, program), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(All, SyncBatchNormTest, testing::ValuesIn(kSettings),
                         [](const auto& info) { return std::string(info.param.name); });

// After four parameters and two buffers were shared out, the layer's first sum is call 6.
TEST(SyncBatchNormFailuresTest, AFailureOfNcclInTheLayerEndsTheStepOfAll) {
  const FakeNccl nccl("fail=1:6:2");
  for (const ReplicaResult& result :
       RunReplicas(2, std::string(kSetUp) + "(step (randn '(2 3)))", {.gpus = {1, 1}})) {
    EXPECT_TRUE(result.error.starts_with("runtime.peer-failed: optim/train-step!")) << result.error;
    EXPECT_NE(result.error.find("failed on rank 1: unhandled system error (injected)"),
              std::string::npos)
        << result.error;
  }
}

TEST(SyncBatchNormFailuresTest, NotInsideNoSync) {
  const auto results =
      RunReplicas(2, std::string(kSetUp) + "(no-sync (lambda () (step (randn '(2 3)))))");
  for (const ReplicaResult& result : results) {
    EXPECT_NE(result.error.find("inside no-sync"), std::string::npos) << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
