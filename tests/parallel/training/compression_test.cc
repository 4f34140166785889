// Optimizers with 'compress: gradients travel as bfloat16 and are added up in full.
#include "parallel/training/compression.h"

#include <gtest/gtest.h>

#include "parallel/core/half.h"
#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Trains, and writes each loss, the size of each parameter and whether the replicas are equal.
std::string Training(const std::string& options, const std::string& model, int steps = 8) {
  return R"((import std.torch std.nn std.optim)
    (manual-seed 5)
    (define model )" +
         model + R"()
    (define optimizer (adam model 0.01 )" +
         options + R"())
    (define x (randn '(11 6)))
    (define y (randn '(11 3)))
    (define (steps n)
      (when (> n 0)
        (write (train-step! model optimizer mse-loss (parallel/shard x) (parallel/shard y)))
        (newline)
        (steps (- n 1))))
    (steps )" +
         std::to_string(steps) + R"()
    (write (map (lambda (p) (item (tsum (t* p p)))) (parameters model)))
    (write (parallel/replicas-equal? model)))";
}

constexpr const char* kSmall = "(sequential (linear 6 8) (relu-layer) (linear 8 3))";
// Of more than a chunk, and than what lies in memory with others.
constexpr const char* kLarge = "(sequential (linear 6 60000) (relu-layer) (linear 60000 3))";
constexpr const char* kCompress = "'compress 'bfloat16";

const ReplicaSetting kSettings[] = {{.name = "nccl", .backend = "nccl"},
                                    {.name = "mpi", .backend = "mpi"},
                                    kGpuSettings[0],
                                    kGpuSettings[1],
                                    kGpuSettings[2]};

TEST(CompressionTest, BackendsHaveTheSameBits) {
  const FakeNccl nccl;
  for (const auto& [model, steps] : {std::pair(kSmall, 8), std::pair(kLarge, 2)}) {
    for (int ranks : {2, 3, 5}) {
      const std::string program = Training(kCompress, model, steps);
      const std::string local = OutputOf(ranks, program, {.backend = "local"});
      EXPECT_TRUE(local.ends_with("#t"));
      for (const ReplicaSetting& setting : kSettings) {
        EXPECT_TRUE(OutputOf(ranks, program, setting.OptionsFor(ranks)) == local)
            << ranks << setting.name;
      }
    }
  }
}

// Of half types, which travel as they are.
TEST(CompressionTest, HalfTypesHaveTheSameBits) {
  const FakeNccl nccl;
  const std::string program = R"((import std.torch std.nn std.tensor std.optim)
    (manual-seed 5)
    (define w (requires-grad! (to-dtype (randn '(6 3)) 'bfloat16) #t))
    (define model (make-module (list (cons 'w w)) (lambda (x) (matmul x w))))
    (define optimizer (sgd model 0.1 'compress 'bfloat16))
    (define x (parallel/shard (to-dtype (randn '(11 6)) 'bfloat16)))
    (define y (parallel/shard (to-dtype (randn '(11 3)) 'bfloat16)))
    (train-step! model optimizer mse-loss x y)
    (train-step! model optimizer mse-loss x y)
    (write (map to-list (parameters model))))";
  const std::string local = OutputOf(3, program, {.backend = "local"});
  for (const ReplicaSetting& setting : kSettings) {
    EXPECT_EQ(OutputOf(3, program, setting.OptionsFor(3)), local) << setting.name;
  }
}

// Bytes of the collectives of a step over devices, in their order.
std::vector<uint64_t> BytesOfAStep(const std::string& options) {
  const FakeNccl nccl;
  const std::string program = R"((import std.torch std.nn std.tensor std.optim)
    (define w (requires-grad! (to-dtype (randn '(100 100)) 'float32) #t))
    (define model (make-module (list (cons 'w w)) (lambda (x) (matmul x w))))
    (define optimizer (sgd model 0.1 )" +
                              options + R"())
    (define x (to-dtype (ones '(1 100)) 'float32))
    (define (step) (train-step! model optimizer mse-loss x x))
    (step) (step))";
  const auto results = RunReplicas(2, program, {.gpus = {1, 1}});
  EXPECT_EQ(results[0].error, "");
  std::vector<uint64_t> bytes;
  for (const PhaseRecord& record : results[0].phases) {
    if (record.step == 2 && record.beside && record.bytes > 0) bytes.push_back(record.bytes);
  }
  return bytes;
}

// An all-reduce goes both ways, the others one way each: to the owners, and from them. So half as
// much travels.
TEST(CompressionTest, NumbersTravelInTwoBytes) {
  constexpr uint64_t kElements = 100 * 100;
  using Bytes = std::vector<uint64_t>;
  EXPECT_EQ(BytesOfAStep(""), Bytes({4 * kElements}));
  EXPECT_EQ(BytesOfAStep(kCompress), Bytes({2 * kElements, 2 * kElements}));
  EXPECT_EQ(BytesOfAStep("'shard-optimizer #t"), Bytes({4 * kElements, 4 * kElements}));
  EXPECT_EQ(BytesOfAStep(std::string(kCompress) + " 'shard-optimizer #t"),
            Bytes({2 * kElements, 4 * kElements}));
}

TEST(CompressionTest, ConvergesAsWithoutIt) {
  const auto full = NumbersIn(OutputOf(3, Training("", kSmall, 200)));
  const auto compressed = NumbersIn(OutputOf(3, Training(kCompress, kSmall, 200)));
  EXPECT_NE(full[1], compressed[1]);
  EXPECT_LT(compressed[199], 0.5 * compressed[0]);
  EXPECT_NEAR(compressed[199], full[199], 0.05 * full[199]);
}

// With the rows of one rank only the sum is that rank's gradient, rounded, and rounding the sum
// changes nothing.
TEST(CompressionTest, NumbersAreRoundedOnce) {
  const FakeNccl nccl;
  const auto gradient_with = [](const std::string& options, const std::string& backend) {
    return NumbersIn(OutputOf(2,
                              R"((import std.torch)
      (manual-seed 5)
      (define model (linear 6 3))
      (define optimizer (sgd model 0.1 )" +
                                  options + R"())
      (define x (parallel/shard (randn '(1 6))))
      (train-step! model optimizer mse-loss x (parallel/shard (ones '(1 3))))
      (write (map (lambda (p) (to-list (grad p))) (parameters model))))",
                              {.backend = backend}));
  };
  auto expected = gradient_with("", "local");
  for (double& number : expected) number = ToFloat(ToBFloat16(static_cast<float>(number)));
  EXPECT_EQ(gradient_with(kCompress, "local"), expected);
  EXPECT_EQ(gradient_with(kCompress, "nccl"), expected);
}

// Of two ranks' gradients the sum has more than 8 bits.
TEST(CompressionTest, SumsAreRounded) {
  const FakeNccl nccl;
  const std::string program = R"((import std.torch)
      (manual-seed 5)
      (define model (linear 6 3))
      (define optimizer (sgd model 0.1 'compress 'bfloat16))
      (define x (parallel/shard (randn '(7 6))))
      (train-step! model optimizer mse-loss x (parallel/shard (ones '(7 3))))
      (write (map (lambda (p) (to-list (grad p))) (parameters model))))";
  for (const ReplicaOptions& options :
       {ReplicaOptions{.backend = "local"}, ReplicaOptions{.gpus = {1, 1}}}) {
    for (const double number : NumbersIn(OutputOf(2, program, options))) {
      EXPECT_EQ(number, ToFloat(ToBFloat16(static_cast<float>(number))));
    }
  }
}

TEST(CompressionTest, GoesWithClippingAndAccumulation) {
  const FakeNccl nccl;
  const std::string program =
      Training(std::string(kCompress) + " 'clip-norm 0.5 'accumulate 2", kSmall);
  // The squares are added up by slices on the one, and all together on the others.
  const std::string local = OutputOf(3, program, {.backend = "local"});
  for (const ReplicaSetting& setting : kSettings) {
    ExpectClose(local, OutputOf(3, program, setting.OptionsFor(3)), 1e-13);
  }
}

TEST(CompressionTest, ReplicasMustAgreeOnIt) {
  const auto results = RunReplicas(2, R"((import std.torch)
    (define model (linear 2 1))
    (define optimizer (if (= rank 0) (sgd model 0.1) (sgd model 0.1 'compress 'bfloat16)))
    (train-step! model optimizer mse-loss (ones '(1 2)) (ones '(1 1))))");
  for (const ReplicaResult& result : results) {
    EXPECT_TRUE(result.error.starts_with("runtime.desync: ")) << result.error;
  }
}

TEST(CompressionTest, OtherTypesAreErrors) {
  const auto results =
      RunReplicas(1, "(import std.torch) (sgd (linear 2 1) 0.1 'compress 'float16)");
  EXPECT_NE(results[0].error.find("'bfloat16 required"), std::string::npos) << results[0].error;
}

TEST(CompressionTest, DeterministicRunsDoNotHaveIt) {
  const auto results = RunReplicas(2, Training(kCompress, kSmall), {.shards = 8});
  for (const ReplicaResult& result : results) {
    EXPECT_NE(result.error.find("does not go with --deterministic"), std::string::npos)
        << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
