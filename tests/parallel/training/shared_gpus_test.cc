// Training by replicas that share GPUs, of which several may go on over a fake NCCL: it must come
// to what replicas in shared memory come to. The GPUs are stand-ins: tensors are in the CPU's
// memory, and what the replicas exchange goes over streams that are threads.
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

ReplicaOptions OnGpus(const std::vector<int>& gpus) { return {.gpus = gpus}; }

int RanksOn(const std::vector<int>& gpus) {
  int ranks = 0;
  for (const int each : gpus) ranks += each;
  return ranks;
}

const std::vector<int> kGpus[] = {{1, 1}, {2}, {3}, {4}, {2, 1}, {2, 2}, {1, 2, 1}, {3, 3, 2}};

// As one bucket and as many: the large layers have a buffer, and so a bucket, each.
std::string Training(const std::string& optimizer, int width, const std::string& before = "") {
  const std::string size = std::to_string(width);
  return R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 6 )" +
         size + ") (nn/relu-layer) (nn/linear " + size + " " + size +
         ") (nn/relu-layer) (nn/linear " + size + R"( 4)))
    (define (sums tensors) (map (lambda (t) (torch/item (torch/sum (torch/mul t t)))) tensors))
    (define optimizer )" +
         optimizer + ")" + before + R"(
    (define (step rows)
      (write (optim/train-step! model optimizer nn/mse-loss
               (parallel/shard (torch/randn (list rows 6)))
               (parallel/shard (torch/randn (list rows 4)))))
      (newline))
    (for-each step '(50 50 13 7 3 1 2 50 6 50))
    (write (sums (map torch/grad (nn/parameters model))))
    (write (sums (nn/parameters model)))
    (write (parallel/replicas-equal? model)))";
}

void ExpectAsInSharedMemory(const std::string& program) {
  const FakeNccl nccl;
  for (const auto& gpus : kGpus) {
    const int ranks = RanksOn(gpus);
    ExpectClose(OutputOf(ranks, program, {.backend = "local"}),
                OutputOf(ranks, program, OnGpus(gpus)), 1e-12);
  }
}

TEST(SharedGpusTest, TrainAsInSharedMemory) {
  ExpectAsInSharedMemory(Training("(optim/adam model 0.01)", 16));
}

TEST(SharedGpusTest, ManyBucketsTrainAsInSharedMemory) {
  ExpectAsInSharedMemory(Training("(optim/sgd model 0.01 'momentum 0.9)", 250));
}

TEST(SharedGpusTest, ClippingIsThatOfAllGradients) {
  ExpectAsInSharedMemory(Training("(optim/sgd model 0.1 'clip-norm 0.05)", 16));
}

// Parameters differ at first, batches are gathered, and a loop is written by hand.
TEST(SharedGpusTest, WhatElseIsExchangedIsAsInSharedMemory) {
  ExpectAsInSharedMemory(R"(
    (torch/manual-seed (+ 1 rank))
    (define model (nn/linear 5 3))
    (define optimizer (optim/sgd model 0.1))
    (define (batch rows) (torch/mul (torch/ones (list rows 5)) (torch/tensor (+ 0.5 rank))))
    (parallel/broadcast-parameters! model)
    (define x (batch 4))
    (optim/zero-grad! optimizer)
    (torch/backward (torch/mean (nn/forward model x)))
    (parallel/average-gradients! model)
    (optim/step! optimizer)
    (parallel/enter-no-sync!)
    (optim/train-step! model optimizer nn/mse-loss (batch 3) (torch/ones '(3 3)))
    (parallel/leave-no-sync!)
    (write (optim/train-step! model optimizer nn/mse-loss (batch 2) (torch/ones '(2 3))))
    (write (torch/to-list (parallel/all-reduce (batch 1) 'mean)))
    (write (torch/to-list (parallel/all-gather (batch (+ 1 rank)))))
    (write (torch/to-list (parallel/broadcast (batch 2) (- (parallel/world-size) 1))))
    (write (map torch/to-list (nn/parameters model))))");
}

// The buckets leave during the pass, on the leaders' streams.
TEST(SharedGpusTest, GradientsTravelBesideThePass) {
  const FakeNccl nccl;
  for (const ReplicaResult& result :
       RunReplicas(3, Training("(optim/sgd model 0.01)", 250), OnGpus({2, 1}))) {
    EXPECT_EQ(result.error, "");
    size_t buckets = 0;
    for (const PhaseRecord& record : result.phases) {
      buckets += record.step == 8 && record.beside && record.bytes > 0;
    }
    EXPECT_GE(buckets, 2u);
  }
}

// 45 layers of 231 KB each: 3 buckets at the usual cap, 11 at the least one, 2 at the largest.
const std::string kDeep = R"(
    (define (layers n) (if (= n 0) '() (cons (nn/linear 170 170) (layers (- n 1)))))
    (define model (apply nn/sequential (layers 45)))
    (define optimizer (optim/sgd model 0.01))
    (define (step i)
      (optim/train-step! model optimizer nn/mse-loss
                         (torch/ones '(2 170)) (torch/ones '(2 170))))
    (for-each step '(1 2 3)))";

// By rank, in the third step.
std::vector<size_t> BucketsOf(const std::string& plan, const std::vector<int>& gpus) {
  const FakeNccl nccl(plan);
  std::vector<size_t> all;
  for (const ReplicaResult& result : RunReplicas(RanksOn(gpus), kDeep, OnGpus(gpus))) {
    EXPECT_EQ(result.error, "");
    all.push_back(0);
    for (const PhaseRecord& record : result.phases) {
      all.back() += record.step == 3 && record.beside && record.bytes > 0;
    }
  }
  return all;
}

// Where a collective takes 20 ms, 4 MB would have to take 90 ms for more than two.
TEST(SharedGpusTest, BucketsAreAsLargeAsWhatIsBetweenTheRanksWants) {
  EXPECT_EQ(BucketsOf("delay=1:20000", {1, 1}), std::vector<size_t>(2, 2));
  EXPECT_EQ(BucketsOf("delay=1:20000", {2, 1}), std::vector<size_t>(3, 2));
  const std::vector<size_t> fast = BucketsOf("", {3});
  EXPECT_GE(fast[0], 2u);
  EXPECT_EQ(fast, std::vector<size_t>(3, fast[0]));
}

// One arena of small parameters; the large ones have no gradients that stay.
TEST(SharedGpusTest, LeadersRegisterGradientsOnceForEachLayout) {
  const std::string once = Training("(optim/sgd model 0.01)", 250);
  const std::string anew = once + R"(
    (for-each step '(8 8))
    (set! model (nn/linear 6 4))
    (set! optimizer (optim/sgd model 0.1))
    (for-each step '(8 8 8)))";
  const auto count = [](const std::string& program, const std::vector<int>& gpus) {
    const FakeNccl nccl;
    (void)OutputOf(RanksOn(gpus), program, OnGpus(gpus));
    return nccl.registrations();
  };
  EXPECT_EQ(count(once, {2}), 0);
  EXPECT_EQ(count(once, {1, 1}), 2);
  EXPECT_EQ(count(once, {2, 1}), 2);
  EXPECT_EQ(count(anew, {2, 1}), 4);
}

TEST(SharedGpusTest, AFailureWhileTheRanksTimeCollectivesEndsAll) {
  const FakeNccl nccl("fail=1:95:2");
  for (const ReplicaResult& result : RunReplicas(2, kDeep, OnGpus({1, 1}))) {
    EXPECT_NE(result.error.find("failed on rank 1: unhandled system error (injected)"),
              std::string::npos)
        << result.error;
  }
}

TEST(SharedGpusTest, AnErrorInOneRanksStepIsEverybodys) {
  const FakeNccl nccl;
  for (const auto& gpus : kGpus) {
    const int culprit = RanksOn(gpus) - 1;
    const std::string program = "(define (loss p y) (if (= rank " + std::to_string(culprit) + R"()
           (error "no luck") (nn/mse-loss p y)))
         (define model (nn/linear 6 4))
         (define optimizer (optim/sgd model 0.1))
         (define x (torch/randn '(4 6))) (define y (torch/randn '(4 4)))
         (optim/train-step! model optimizer nn/mse-loss x y)
         (optim/train-step! model optimizer loss x y))";
    for (const ReplicaResult& result : RunReplicas(RanksOn(gpus), program, OnGpus(gpus))) {
      EXPECT_NE(result.error.find("no luck"), std::string::npos) << result.error;
    }
  }
}

// The last rank, which may have been the only one on its GPU. The others form groups anew.
TEST(SharedGpusTest, ReplicasGoOnWithoutOneThatFails) {
  const FakeNccl nccl;
  for (const auto& gpus : {std::vector<int>{2, 1}, {2, 2}, {3}, {1, 1}}) {
    const int ranks = RanksOn(gpus);
    const std::string program = R"(
      (torch/manual-seed 5)
      (define model (nn/sequential (nn/linear 6 16) (nn/relu-layer) (nn/linear 16 4)))
      (define optimizer (optim/adam model 0.01))
      (define (loss-in step)
        (lambda (p y) (if (and (= step 3) (= rank )" +
                                std::to_string(ranks - 1) + R"()) (car step)) (nn/mse-loss p y)))
      (define (step i)
        (let ((loss (optim/train-step! model optimizer (loss-in i)
                      (parallel/shard (torch/randn '(9 6))) (parallel/shard (torch/randn '(9 4))))))
          (if (not (= i 3)) (write loss))  ; which is nan, as the step is passed over
          (newline)))
      (for-each step '(1 2 3 4 5 6))
      (write (map torch/to-list (nn/parameters model)))
      (write (parallel/world-size)))";
    ReplicaOptions options{.launch = {.on_failure = OnFailure::kShrink}, .backend = "local"};
    const auto expected = RunReplicas(ranks, program, options);
    options.backend = "auto";
    options.gpus = gpus;
    const auto results = RunReplicas(ranks, program, options);
    for (size_t r = 0; r < results.size(); ++r) {
      EXPECT_EQ(results[r].error, expected[r].error);
      ExpectClose(expected[r].output, results[r].output, 1e-12);
    }
    EXPECT_EQ(results.back().error, "exit 0");
    EXPECT_TRUE(results[0].output.ends_with(std::to_string(ranks - 1)));
  }
}

TEST(SharedGpusTest, AFailureBetweenTheGpusEndsTheStepOfAll) {
  const FakeNccl nccl("fail=1:20:2");
  for (const ReplicaResult& result :
       RunReplicas(4, Training("(optim/sgd model 0.01)", 250), OnGpus({2, 2}))) {
    EXPECT_EQ(result.error.find("runtime.peer-failed: "), 0u) << result.error;
    EXPECT_NE(result.error.find("failed on rank 2: unhandled system error (injected)"),
              std::string::npos)
        << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
