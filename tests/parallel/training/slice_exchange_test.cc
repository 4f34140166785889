// Optimizers with 'shard-optimizer: each rank updates its slices, and has their state only.
#include "parallel/training/slice_exchange.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"
#include "tests/support/temporary_folder.h"

namespace eta::parallel {
namespace {

constexpr const char* kShard = "'shard-optimizer #t";
constexpr const char* kSmall = "(sequential (linear 6 16) (relu-layer) (linear 16 3))";
// Of several segments, and with more ranks than granules in one of them.
constexpr const char* kLarge =
    "(sequential (linear 6 300) (relu-layer) (linear 300 300) (linear 300 3))";

// Trains on batches that leave some ranks without rows; writes losses and parameters.
std::string Training(const std::string& options, const std::string& model = kSmall,
                     const std::string& after = "") {
  return R"((import std.torch std.nn std.optim)
    (manual-seed 5)
    (define model )" +
         model + R"()
    (define optimizer (adam model 0.01 )" +
         options + R"())
    (define (step rows)
      (let* ((x (randn (list rows 6))) (y (randn (list rows 3))))
        (write (train-step! model optimizer mse-loss (parallel/shard x) (parallel/shard y)))
        (newline)))
    (for-each step '(11 50 1 7 2))
)" + after +
         R"((write (map to-list (parameters model)))
    (write (parallel/replicas-equal? model)))";
}

std::string Over(const std::string& backend, int ranks, const std::string& program) {
  return OutputOf(ranks, program, {.backend = backend});
}

TEST(SliceExchangeTest, ResultsAreThoseOfWholeUpdates) {
  const FakeNccl nccl;
  for (const char* model : {kSmall, kLarge}) {
    for (int ranks : {2, 3, 4}) {
      const std::string whole = Over("nccl", ranks, Training("", model));
      EXPECT_TRUE(whole.ends_with("#t"));
      EXPECT_TRUE(Over("nccl", ranks, Training(kShard, model)) == whole) << ranks;
      EXPECT_TRUE(Over("local", ranks, Training(kShard, model)) == whole) << ranks;
    }
  }
}

TEST(SliceExchangeTest, GoesWithOtherOptions) {
  const FakeNccl nccl;
  for (const char* options :
       {"'clip-norm 0.1", "'accumulate 2", "'compress 'bfloat16", "'loss-scale 'dynamic",
        "'groups (list (list (list (car (parameters model))) 'rate-scale 2))"}) {
    const std::string whole = Over("nccl", 3, Training(options));
    const std::string sharded = Over("nccl", 3, Training(std::string(options) + " " + kShard));
    // Squares are added up slice by slice.
    ExpectClose(whole, sharded, std::string(options) == "'clip-norm 0.1" ? 1e-12 : 0);
  }
}

TEST(SliceExchangeTest, DeterministicRunsHaveTheSameBits) {
  const FakeNccl nccl;
  const std::string program = Training(std::string("'clip-norm 0.1 ") + kShard);
  const std::string one = OutputOf(1, program, {.shards = 8});
  EXPECT_EQ(OutputOf(2, program, {.backend = "nccl", .shards = 8}), one);
  EXPECT_EQ(OutputOf(4, program, {.backend = "nccl", .shards = 8}), one);
}

TEST(SliceExchangeTest, ThereAreNoGradientsAfterwards) {
  const FakeNccl nccl;
  const std::string program = R"((import std.torch std.nn std.optim)
    (define model (linear 6 3))
    (define optimizer (sgd model 0.1 'shard-optimizer #t))
    (train-step! model optimizer mse-loss (ones '(2 6)) (ones '(2 3)))
    (write (map grad (parameters model))))";
  for (int ranks : {1, 2}) EXPECT_EQ(Over("nccl", ranks, program), "(() ())");
}

// The state is put together for a checkpoint and for steps by hand, and taken over from one.
TEST(SliceExchangeTest, StateIsWholeWhenItIsNeeded) {
  const FakeNccl nccl;
  const TemporaryFolder folder;
  const std::string save = "(save-checkpoint \"" + folder.Path("a.ckpt") +
                           "\" 'model model 'optimizer optimizer) (for-each step '(5 3))";
  const std::string load = "(load-checkpoint \"" + folder.Path("a.ckpt") +
                           "\" 'model model 'optimizer optimizer) (for-each step '(5 3))";
  const std::string whole = Over("nccl", 3, Training("", kLarge, save));
  EXPECT_TRUE(Over("nccl", 3, Training(kShard, kLarge, save)) == whole);
  const std::string loaded = Over("nccl", 3, Training("", kLarge, load));
  EXPECT_TRUE(Over("nccl", 3, Training(kShard, kLarge, load)) == loaded);
  const std::string by_hand = R"(
    (let ((loss (mse-loss (forward model (ones '(2 6))) (ones '(2 3)))))
      (optim/zero-grad! optimizer)
      (backward loss)
      (parallel/average-gradients! model)
      (step! optimizer)))";
  EXPECT_TRUE(Over("nccl", 3, Training(kShard, kLarge, by_hand)) ==
              Over("nccl", 3, Training("", kLarge, by_hand)));
}

TEST(SliceExchangeTest, WhatIsNotFiniteStopsAllBeforeTheUpdate) {
  const FakeNccl nccl;
  const std::string program = R"((import std.torch std.nn std.optim)
    (define model (linear 2 1))
    (define optimizer (sgd model 0.1 'momentum 0.9 'shard-optimizer #t))
    (define (step x) (train-step! model optimizer mse-loss x (ones '(2 1))))
    (step (ones '(2 2)))
    (define before (map to-list (parameters model)))
    (define x (t* (ones '(2 2)) (from-list (list (if (= rank 1) 1e160 1.0)))))
    (write (catch 'runtime.nonfinite (begin (step x) 'updated)))
    (write (equal? before (map to-list (parameters model))))
    (write (parallel/replicas-equal? model)))";
  for (const ReplicaResult& result : RunReplicas(2, program, {.backend = "nccl"})) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output.find("updated"), std::string::npos) << result.output;
    EXPECT_TRUE(result.output.ends_with("#t#t")) << result.output;
  }
}

TEST(SliceExchangeTest, ReplicasMustAgreeOnIt) {
  const auto results = RunReplicas(2, R"((import std.torch)
    (define model (linear 2 1))
    (define optimizer (if (= rank 0) (sgd model 0.1) (sgd model 0.1 'shard-optimizer #t)))
    (train-step! model optimizer mse-loss (ones '(1 2)) (ones '(1 1))))");
  for (const ReplicaResult& result : results) {
    EXPECT_TRUE(result.error.starts_with("runtime.desync: ")) << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
