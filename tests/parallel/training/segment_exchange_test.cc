// Training where the ranks do not reach each other's memory: over the nccl backend and a fake NCCL
// that adds in the order of the ranks, so that it must come to the same bits as shared memory.
#include "parallel/training/segment_exchange.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

std::string Training(const std::string& optimizer) {
  return R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 6 16) (nn/relu-layer) (nn/linear 16 4)))
    (define optimizer )" +
         optimizer + R"()
    (define (step rows)
      (let* ((x (torch/randn (list rows 6))) (y (torch/randn (list rows 4))))
        (write (optim/train-step! model optimizer nn/mse-loss
                 (parallel/shard x) (parallel/shard y)))
        (newline)))
    (for-each step '(50 13 7 3 1 2 50 6 50))
    (write (map torch/to-list (nn/parameters model)))
    (write (parallel/replicas-equal? model)))";
}

void ExpectSameBits(const std::string& program) {
  const FakeNccl nccl;
  for (int ranks : {2, 3}) {
    const std::string local = OutputOf(ranks, program, {.backend = "local"});
    EXPECT_EQ(OutputOf(ranks, program, {.backend = "nccl"}), local) << ranks << " ranks";
    EXPECT_FALSE(NumbersIn(local).empty());
  }
}

TEST(SegmentExchangeTest, SgdComesToTheSameBits) {
  ExpectSameBits(Training("(optim/sgd model 0.05)"));
  ExpectSameBits(Training("(optim/sgd model 0.05 'momentum 0.9)"));
}

TEST(SegmentExchangeTest, AdamComesToTheSameBits) {
  ExpectSameBits(Training("(optim/adam model 0.01)"));
}

TEST(SegmentExchangeTest, LargeParametersComeToTheSameBits) {
  ExpectSameBits(R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 3 200) (nn/linear 200 200)))
    (define optimizer (optim/sgd model 0.01 'momentum 0.9))
    (define (step rows)
      (write (optim/train-step! model optimizer nn/mse-loss
               (parallel/shard (torch/randn (list rows 3)))
               (parallel/shard (torch/randn (list rows 200)))))
      (newline))
    (for-each step '(5 2 1 7)))");
}

TEST(SegmentExchangeTest, InitialValuesAreTheFirstRanks) {
  ExpectSameBits(R"(
    (torch/manual-seed (+ 5 rank))
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (write (optim/train-step! model optimizer nn/mse-loss (torch/ones '(2 3)) (torch/ones '(2 2))))
    (write (map torch/to-list (nn/parameters model))))");
}

TEST(SegmentExchangeTest, GradientsAreAveragedByHand) {
  ExpectSameBits(R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/adam model 0.1))
    (define (step i)
      (optim/zero-grad! optimizer)
      (torch/backward (nn/mse-loss (nn/forward model (torch/ones (list i 3)))
                                   (torch/ones (list i 2))))
      (if (> i 1) (parallel/average-gradients! model (+ rank 1)) (parallel/average-gradients! model))
      (optim/step! optimizer))
    (for-each step '(1 2 3))
    (write (map torch/to-list (nn/parameters model))))");
}

// As with shared memory: everybody learns whose it is, and nothing is updated.
TEST(SegmentExchangeTest, AGradientThatIsNotFiniteStopsAll) {
  const FakeNccl nccl;
  const std::string program = R"(
    (torch/manual-seed 5)
    (define model (nn/linear 3 2))
    (define optimizer (optim/sgd model 0.1))
    (define (loss p y)
      (torch/sum (if (= rank 1) (torch/sqrt (torch/sub p p)) (torch/sub p p))))
    (optim/train-step! model optimizer loss (torch/ones '(2 3)) (torch/ones '(2 2))))";
  for (const char* backend : {"local", "nccl"}) {
    for (const ReplicaResult& result : RunReplicas(2, program, {.backend = backend})) {
      EXPECT_NE(result.error.find("the gradient of weight on rank 1 is not finite"),
                std::string::npos)
          << backend << ": " << result.error;
    }
  }
}

TEST(SegmentExchangeTest, AFailureOfNcclReachesTheProgram) {
  const FakeNccl nccl("fail=1:4:2");
  for (const ReplicaResult& result :
       RunReplicas(2, Training("(optim/sgd model 0.05)"), {.backend = "nccl"})) {
    EXPECT_EQ(
        result.error,
        "runtime.peer-failed: optim/train-step!: NCCL's all-reduce failed on rank 1: unhandled "
        "system error (injected)");
  }
}

TEST(FindNonfiniteAddendTest, NamesTheFirstElement) {
  std::vector<double> a(10, 1), b(2000, 1);
  const auto segment = [](std::vector<double>& addends) {
    return SegmentMemory{.dtype = DType::kFloat64,
                         .count = addends.size() / 2,
                         .parameter = nullptr,
                         .addends = reinterpret_cast<const std::byte*>(addends.data()),
                         .state = {}};
  };
  const std::vector<SegmentMemory> segments = {segment(a), segment(b)};
  EXPECT_FALSE(FindNonfiniteAddend(segments, /*shards=*/2, 3).found);
  b[1999] = std::numeric_limits<double>::infinity();
  const Nonfinite found = FindNonfiniteAddend(segments, /*shards=*/2, 3);
  EXPECT_TRUE(found.found);
  EXPECT_EQ(found.segment, 1u);
  EXPECT_EQ(found.element, 999u);
  EXPECT_EQ(found.rank, 3);
}

}  // namespace
}  // namespace eta::parallel
