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

// Where ranks do not reach each other's memory.
class SliceExchangeTest : public testing::TestWithParam<ReplicaSetting> {
 protected:
  std::string Output(int ranks, const std::string& program) const {
    return OutputOf(ranks, program, GetParam().OptionsFor(ranks));
  }
  // Sums between GPUs that some ranks share are grouped otherwise.
  double tolerance() const { return GetParam().per_gpu > 1 ? 1e-12 : 0; }

 private:
  const FakeNccl nccl_;
};

INSTANTIATE_TEST_SUITE_P(All, SliceExchangeTest,
                         testing::Values(ReplicaSetting{.name = "nccl", .backend = "nccl"},
                                         kGpuSettings[0], kGpuSettings[1], kGpuSettings[2]),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(SliceExchangeTest, ResultsAreThoseOfWholeUpdates) {
  for (const char* model : {kSmall, kLarge}) {
    for (int ranks : {2, 3, 4}) {
      const std::string whole = Output(ranks, Training("", model));
      EXPECT_TRUE(whole.ends_with("#t"));
      ExpectClose(whole, Output(ranks, Training(kShard, model)), 0);
      ExpectClose(whole, Over("local", ranks, Training(kShard, model)), tolerance());
    }
  }
}

TEST_P(SliceExchangeTest, GoesWithOtherOptions) {
  for (const char* options :
       {"'clip-norm 0.1", "'accumulate 2", "'compress 'bfloat16", "'loss-scale 'dynamic",
        "'groups (list (list (list (car (parameters model))) 'rate-scale 2))"}) {
    const std::string whole = Output(3, Training(options));
    const std::string sharded = Output(3, Training(std::string(options) + " " + kShard));
    // Squares are added up slice by slice.
    ExpectClose(whole, sharded, std::string(options) == "'clip-norm 0.1" ? 1e-12 : 0);
  }
}

TEST_P(SliceExchangeTest, DeterministicRunsHaveTheSameBits) {
  const std::string program = Training(std::string("'clip-norm 0.1 ") + kShard);
  const std::string one = OutputOf(1, program, {.shards = 8});
  for (int ranks : {2, 4}) {
    ReplicaOptions options = GetParam().OptionsFor(ranks);
    options.shards = 8;
    EXPECT_EQ(OutputOf(ranks, program, options), one);
  }
}

TEST_P(SliceExchangeTest, ThereAreNoGradientsAfterwards) {
  const std::string program = R"((import std.torch std.nn std.optim)
    (define model (linear 6 3))
    (define optimizer (sgd model 0.1 'shard-optimizer #t))
    (train-step! model optimizer mse-loss (ones '(2 6)) (ones '(2 3)))
    (write (map grad (parameters model))))";
  for (int ranks : {1, 2}) EXPECT_EQ(Output(ranks, program), "(() ())");
}

// The state is put together for a checkpoint and for steps by hand, and taken over from one.
TEST_P(SliceExchangeTest, StateIsWholeWhenItIsNeeded) {
  const TemporaryFolder folder;
  const std::string save = "(save-checkpoint \"" + folder.Path("a.ckpt") +
                           "\" 'model model 'optimizer optimizer) (for-each step '(5 3))";
  const std::string load = "(load-checkpoint \"" + folder.Path("a.ckpt") +
                           "\" 'model model 'optimizer optimizer) (for-each step '(5 3))";
  ExpectClose(Output(3, Training("", kLarge, save)), Output(3, Training(kShard, kLarge, save)), 0);
  ExpectClose(Output(3, Training("", kLarge, load)), Output(3, Training(kShard, kLarge, load)), 0);
  const std::string by_hand = R"(
    (let ((loss (mse-loss (forward model (ones '(2 6))) (ones '(2 3)))))
      (optim/zero-grad! optimizer)
      (backward loss)
      (parallel/average-gradients! model)
      (step! optimizer)))";
  ExpectClose(Output(3, Training("", kLarge, by_hand)),
              Output(3, Training(kShard, kLarge, by_hand)), 0);
}

// A failure comes before the update, so a rank's slices of the state need no healing.
TEST_P(SliceExchangeTest, AStepIsHealed) {
  const std::string program = Training(kShard, kSmall, R"(
    (define attempts 0)
    (define (faulty p t)
      (set! attempts (+ attempts 1))
      (if (and (= rank 1) (= attempts 1)) (car 5) (mse-loss p t)))
    (define (retried rows loss)
      (train-step! model optimizer loss (parallel/shard (randn (list rows 6)))
                   (parallel/shard (randn (list rows 3)))))
    (define x (retried 9 LOSS)) (write x) (step 7))");
  const auto with_loss = [&](const std::string& loss) {
    std::string text = program;
    return text.replace(text.find("LOSS"), 4, loss);
  };
  ReplicaOptions options = GetParam().OptionsFor(3);
  options.launch.on_failure = OnFailure::kHeal;
  const std::string expected = OutputOf(3, with_loss("mse-loss"), options);
  for (const ReplicaResult& result : RunReplicas(3, with_loss("faulty"), options)) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output, expected);
  }
}

TEST_P(SliceExchangeTest, WhatIsNotFiniteStopsAllBeforeTheUpdate) {
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
  for (const ReplicaResult& result : RunReplicas(2, program, GetParam().OptionsFor(2))) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output.find("updated"), std::string::npos) << result.output;
    EXPECT_TRUE(result.output.ends_with("#t#t")) << result.output;
  }
}

// Two parameters are shared out by calls 0 and 1. Each step has a reduce-scatter and an all-gather.
TEST(SliceExchangeFaultsTest, AFailureOfNcclBeforeTheUpdateLeavesTheParameters) {
  const FakeNccl nccl("fail=1:4:2");
  const std::string program = R"((import std.torch std.nn std.optim)
    (define model (linear 6 3))
    (define optimizer (adam model 0.1 'shard-optimizer #t))
    (define (step) (train-step! model optimizer mse-loss (ones '(2 6)) (ones '(2 3))))
    (step)
    (define before (map to-list (parameters model)))
    (define result (catch 'runtime.error (step)))
    (write (list-ref result 1))
    (write (equal? before (map to-list (parameters model)))))";
  for (const ReplicaResult& result : RunReplicas(2, program, {.gpus = {1, 1}})) {
    EXPECT_EQ(result.output, "runtime.peer-failed#t") << result.error;
  }
}

TEST(SliceExchangeFaultsTest, ReplicasMustAgreeOnIt) {
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
