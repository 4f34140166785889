// Where batches are computed in 8 shards, training has the same bits on 1, 2, 4 and 8 ranks.
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/captured_training.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr int kShards = 8;

// Trains on batches of several sizes, also of fewer rows than there are shards. `loss` and `step`
// are expressions; the latter runs with `x` and `y` bound to this rank's rows.
struct Program {
  std::string model = "(sequential (linear 6 16) (relu-layer) (linear 16 4))";
  std::string optimizer = "(sgd model 0.05 'momentum 0.9)";
  std::string loss = "mse-loss";
  std::string input = "(randn (list rows 6))";
  std::string target = "(randn (list rows 4))";
  std::string step = "(train-step! model optimizer loss x y)";

  std::string text() const {
    return "(import std.torch std.nn std.optim (only std.parallel no-sync)) (manual-seed 5) "
           "(define model " +
           model + ") (define optimizer " + optimizer + ") (define loss " + loss + R"()
      (define (step rows)
        (let* ((x (parallel/shard )" +
           input + ")) (y (parallel/shard " + target + R"()))
          (write )" +
           step + R"()
          (newline)))
      (for-each step '(50 13 7 3 1 8 64 50 9))
      (write (map to-list (parameters model)))
      (write (parallel/replicas-equal? model)))";
  }
};

std::string Train(int ranks, const Program& program, const std::string& backend = "auto") {
  return OutputOf(ranks, program.text(), {.backend = backend, .shards = kShards});
}

// Shards of a size are replayed from the third one on, on 1 rank sooner than on 8.
void ExpectSameBits(const Program& program) {
  const std::string alone = Train(1, program);
  EXPECT_NE(alone.find("#t"), std::string::npos) << alone;
  EXPECT_GT(NumbersIn(alone).size(), 9u);
  EXPECT_EQ(OutputOf(1, program.text(), {.shards = kShards, .capture = false}), alone);
  for (int ranks : {2, 4, 8}) EXPECT_EQ(Train(ranks, program), alone) << ranks << " ranks";
}

TEST(DeterministicTest, EveryOptimizer) {
  for (const char* optimizer :
       {"(sgd model 0.05)", "(sgd model 0.05 'momentum 0.9 'nesterov #t)", "(adam model 0.01)",
        "(adamw model 0.01)", "(rmsprop model 0.01)", "(adagrad model 0.01)"}) {
    ExpectSameBits({.optimizer = optimizer});
  }
}

// What is gathered is seen by programs as it is without shards, and is dropped with them.
TEST(DeterministicTest, GatheredGradientsAreThoseOfTheMean) {
  const std::string program = R"((import std.torch std.nn std.optim
      (only std.parallel shard no-sync average-gradients!)) (manual-seed 5)
    (define model (linear 3 2)) (define optimizer (sgd model 0.05))
    (define (batch n) (shard (randn (list 16 n))))
    (define (step) (train-step! model optimizer mse-loss (batch 3) (batch 2)))
    (define (show) (write (map (lambda (p) (to-list (grad p))) (parameters model))) (newline))
    (no-sync (lambda () (step) (step)))
    (average-gradients! model 8)
    (show)
    (step! optimizer)
    (write (step))
    (no-sync (lambda () (step)))
    (optim-zero-grad! optimizer)
    (write (step))
    (write (map to-list (parameters model))))";
  const std::string plain = OutputOf(1, program);
  for (int ranks : {1, 2, 4}) {
    ExpectClose(plain, OutputOf(ranks, program, {.shards = kShards}), 1e-12);
  }
}

TEST(DeterministicTest, ShardsOfASizeAreReplayed) {
  for (const char* model :
       {kPerceptron, "(sequential (linear 6 16) (dropout 0.5) (linear 16 4))"}) {
    for (int ranks : {1, 2, 8}) {
      EXPECT_EQ(ReplayedOf(ranks, {.model = model}, 20, {.shards = kShards}),
                20 * kShards / ranks - 2);
    }
  }
}

TEST(DeterministicTest, ClippedGradients) {
  ExpectSameBits({.optimizer = "(sgd model 0.05 'clip-norm 0.5)"});
  ExpectSameBits({.optimizer = "(sgd model 0.05 'clip-value 0.01)"});
}

TEST(DeterministicTest, DropoutDrawsTheSame) {
  const Program program = {.model = "(sequential (linear 6 16) (dropout 0.5) (linear 16 4))"};
  ExpectSameBits(program);
  Program other = program;
  other.model = "(sequential (linear 6 16) (dropout 0.4) (linear 16 4))";
  EXPECT_NE(Train(2, program), Train(2, other));
}

TEST(DeterministicTest, Layers) {
  ExpectSameBits({.model = "(sequential (conv2d 1 3 3) (flatten-layer) (layer-norm '(12)) "
                           "(linear 12 4) (softmax-layer 1))",
                  .input = "(randn (list rows 1 4 4))"});
}

TEST(DeterministicTest, LargeParameters) {
  ExpectSameBits(
      {.model = "(sequential (linear 6 200) (relu-layer) (linear 200 200) (linear 200 4))",
       .optimizer = "(adam model 0.01)"});
}

TEST(DeterministicTest, LossesWithDenominatorsOfTheirOwn) {
  ExpectSameBits(
      {.optimizer = "(sgd model 0.001)", .loss = "(lambda (p t) (mse-loss p t 'reduction 'sum))"});
  ExpectSameBits({.loss = "(lambda (p t) (cross-entropy-loss p t 'weight (tensor '(1 2 3 4)) "
                          "'ignore-index 1))",
                  .target = "(argmax (randn (list rows 4)) 1)"});
}

TEST(DeterministicTest, AccumulatedGradients) {
  ExpectSameBits({.step = "(begin (no-sync (lambda () (train-step! model optimizer loss x y)))"
                          " (train-step! model optimizer loss x y))"});
}

// One rank is on a GPU then, too.
TEST(DeterministicTest, OverEveryBackend) {
  const FakeNccl nccl;
  Program large{.model = "(sequential (linear 6 200) (relu-layer) (linear 200 200) (linear 200 4))",
                .optimizer = "(sgd model 0.01 'momentum 0.9 'accumulate 2)"};
  for (const Program& program : {Program{.optimizer = "(adam model 0.01 'clip-norm 0.5)"}, large}) {
    const std::string alone = Train(1, program);
    for (const ReplicaSetting& setting :
         {ReplicaSetting{.name = "nccl", .backend = "nccl"}, ReplicaSetting{"mpi", "mpi"},
          kGpuSettings[0], kGpuSettings[1], kGpuSettings[2]}) {
      for (int ranks : {1, 2, 4, 8}) {
        if (ranks == 1 && setting.per_gpu == 0) continue;
        ReplicaOptions options = setting.OptionsFor(ranks);
        options.shards = kShards;
        EXPECT_TRUE(OutputOf(ranks, program.text(), options) == alone) << setting.name << ranks;
      }
    }
  }
}

// Nobody looks at its own gradients there, so the rank is not known.
TEST(DeterministicTest, NonfiniteSumsOnGpusStopAll) {
  const FakeNccl nccl;
  Program program;
  program.loss = R"((lambda (p t)
    (if (and (= rank 1) (= (car (shape p)) 1)) (t* (tsqrt (t* (tsum p) (tensor 0))) (tensor 0)) (mse-loss p t))))";
  program.step =
      "(let ((r (catch 'runtime.error (train-step! model optimizer loss x y))))"
      " (if (pair? r) (list-ref r 1) 'trained))";
  for (const std::vector<int>& gpus : {std::vector<int>{1, 1}, {2}}) {
    for (const ReplicaResult& result :
         RunReplicas(2, program.text(), {.shards = kShards, .gpus = gpus})) {
      EXPECT_EQ(result.error, "");
      EXPECT_NE(result.output.find("runtime.nonfinite"), std::string::npos) << result.output;
      EXPECT_TRUE(result.output.ends_with("#t")) << result.output;
    }
  }
}

TEST(DeterministicTest, IsTheSameTrainingToRounding) {
  const Program program;
  ExpectClose(OutputOf(1, program.text()), Train(4, program), 1e-9);
}

// What cannot be taken apart is an error that can be caught, and the replicas go on.
TEST(DeterministicTest, AShardThatCannotBeTakenIsAnError) {
  Program program;
  program.step = R"((begin
    (display (caddr (catch 'runtime.error
      (train-step! model optimizer loss x (if (= rank 0) (tensor 1) y)))))
    (newline)
    (train-step! model optimizer loss x y)))";
  for (const ReplicaResult& result : RunReplicas(2, program.text(), {.shards = kShards})) {
    EXPECT_EQ(result.error, "");
    EXPECT_NE(result.output.find("a tensor without axes has no rows to share out"),
              std::string::npos);
    EXPECT_NE(result.output.find("#t"), std::string::npos);
  }
}

// What is not finite is found in any shard, and blamed on the rank that has it.
TEST(DeterministicTest, NonfiniteGradientsNameTheRank) {
  Program program;
  program.loss = R"((lambda (p t)
    (if (and (= rank 1) (= (car (shape p)) 1)) (t* (tsqrt (t* (tsum p) (tensor 0))) (tensor 0)) (mse-loss p t))))";
  program.step = "(catch 'runtime.error (train-step! model optimizer loss x y))";
  const auto results = RunReplicas(2, program.text(), {.shards = kShards});
  EXPECT_NE(results[0].output.find("on rank 1 is not finite"), std::string::npos)
      << results[0].output;
}

}  // namespace
}  // namespace eta::parallel
