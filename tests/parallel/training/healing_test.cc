// Steps that fail on some ranks under --on-failure heal: they are tried again, then skipped, and
// the replicas stay equal.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr LaunchOptions kHeal = {.on_failure = OnFailure::kHeal};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Trains six steps. In step 3 the loss of each rank runs (fault ATTEMPT) first, where attempts
// count from 1. Writes the losses, the parameters and buffers, and whether the replicas are equal.
std::string Training(const std::string& fault, const std::string& model = "(linear 3 2)") {
  return R"((import std.torch (only std.nn buffers batch-norm))
    (manual-seed 5)
    (define model )" +
         model + R"()
    (define optimizer (adam model 0.01))
    (define attempts 0)
    (define (fault attempt) )" +
         fault + R"()
    (define (loss-in step)
      (lambda (p t)
        (when (= step 3) (set! attempts (+ attempts 1)) (fault attempts))
        (mse-loss p t)))
    (define (step i)
      (write (train-step! model optimizer (loss-in i) (parallel/shard (randn '(7 3)))
                          (parallel/shard (randn '(7 2)))))
      (newline))
    (for-each step '(1 2 3 4 5 6))
    (write (map to-list (append (parameters model) (buffers model))))
    (write (parallel/replicas-equal? model)))";
}

std::vector<ReplicaResult> Train(const std::string& fault, const std::string& backend = "auto") {
  return RunReplicas(3, Training(fault), {.launch = kHeal, .backend = backend});
}

// All ranks wrote `expected`, and rank 1 alone complained, of this.
void ExpectHealed(const std::vector<ReplicaResult>& results, const std::string& expected,
                  const std::string& complaint) {
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.output, expected);
  }
  EXPECT_TRUE(Contains(expected, "#t"));
  EXPECT_EQ(results[0].complaints, "");
  EXPECT_EQ(results[2].complaints, "");
  EXPECT_TRUE(Contains(results[1].complaints, complaint)) << results[1].complaints;
}

constexpr const char* kOnce = "(when (and (= rank 1) (= attempt 1)) (car 5))";
constexpr const char* kAlways = "(when (= rank 1) (car 5))";

TEST(HealingTest, AStepThatFailsOnceIsTakenAgain) {
  const std::string undisturbed = OutputOf(3, Training("'nothing"));
  ExpectHealed(Train(kOnce), undisturbed,
               "warning [rank 1, train.eta:6:66]: car: not a pair; the step is tried again");
}

TEST(HealingTest, AStepThatFailsTwiceIsSkipped) {
  const auto results = Train(kAlways);
  ExpectHealed(results, results[0].output, "car: not a pair; the step is skipped");
  const auto numbers = NumbersIn(results[0].output),
             undisturbed = NumbersIn(OutputOf(3, Training("'nothing")));
  EXPECT_TRUE(std::isnan(numbers[2]));
  EXPECT_EQ(numbers[1], undisturbed[1]);
  EXPECT_NE(numbers[3], undisturbed[3]);
}

TEST(HealingTest, OverNccl) {
  const FakeNccl nccl;
  const std::string undisturbed = OutputOf(3, Training("'nothing"));
  ExpectHealed(Train(kOnce, "nccl"), undisturbed, "the step is tried again");
}

TEST(HealingTest, TheParametersAreThoseOfARankThatIsWell) {
  const std::string spoil = R"((when (and (= rank 1) (= attempt 1))
    (nn/load-parameters! model (map torch/zeros-like (parameters model)))
    (car 5)))";
  ExpectHealed(Train(spoil), OutputOf(3, Training("'nothing")), "the step is tried again");
}

constexpr const char* kOwnStatistics = "(sequential (linear 3 2) (batch-norm 2))";

std::vector<ReplicaResult> TrainNormalized(const std::string& fault, const std::string& model) {
  auto results = RunReplicas(3, Training(fault, model), {.launch = kHeal});
  for (const ReplicaResult& result : results) EXPECT_EQ(result.error, "");
  return results;
}

TEST(HealingTest, StatisticsCountAStepThatIsTakenAgainOnce) {
  for (const char* model : {kOwnStatistics, "(sequential (linear 3 2) (batch-norm 2 'sync #t))"}) {
    const auto healed = TrainNormalized(kOnce, model);
    const auto undisturbed = TrainNormalized("'nothing", model);
    EXPECT_EQ(healed[0].output, undisturbed[0].output);
  }
}

// Before a layer that meets the other ranks, which find the failure there.
TEST(HealingTest, AFailureInTheForwardPassIsMended) {
  const auto train = [](const std::string& fault) {
    return RunReplicas(3,
                       Training("'nothing",
                                "(let ((passes 0)) (nn/sequential (linear 3 4) (nn/make-module '() "
                                "(lambda (x) (set! passes (+ passes 1)) " +
                                    fault + " x)) (batch-norm 4 'sync #t) (linear 4 2)))"),
                       {.launch = kHeal});
  };
  const auto undisturbed = train("'nothing");
  const auto healed = train("(when (and (= rank 1) (= passes 3)) (car 5))");
  ExpectHealed(healed, undisturbed[0].output, "; the step is tried again");
}

// Healing is for the rank that failed.
TEST(HealingTest, ARankThatIsWellKeepsItsStatistics) {
  EXPECT_EQ(TrainNormalized(kOnce, kOwnStatistics)[2].output,
            TrainNormalized("'nothing", kOwnStatistics)[2].output);
}

TEST(HealingTest, AFailureOfAllRanksIsAnError) {
  for (const ReplicaResult& result : Train("(car 5)")) {
    EXPECT_EQ(result.error, "runtime.type-error: car: not a pair");
  }
}

TEST(HealingTest, AnExitIsNotAFailure) {
  const auto results = Train("(when (= rank 1) (exit 3))");
  EXPECT_EQ(results[1].error, "exit 3");
  EXPECT_TRUE(Contains(results[0].error, "runtime.peer-failed")) << results[0].error;
}

TEST(HealingTest, WithoutTheOptionAFailureStops) {
  const auto results = RunReplicas(3, Training(kOnce));
  EXPECT_EQ(results[1].error, "runtime.type-error: car: not a pair");
  EXPECT_TRUE(Contains(results[0].error, "rank 1 failed")) << results[0].error;
}

}  // namespace
}  // namespace eta::parallel
