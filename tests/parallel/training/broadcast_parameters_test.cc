#include <gtest/gtest.h>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Models that differ between the ranks.
constexpr const char* kSetUp = R"(
  (import std.torch) (import (except std.parallel rank))
  (manual-seed (+ 1 rank))
  (define model (sequential (linear 3 4) (relu-layer) (linear 4 1)))
  (define (weights) (map to-list (parameters model))))";

TEST(BroadcastParametersTest, GivesAllThoseOfRankZero) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const std::string output = OutputOf(ranks, std::string(kSetUp) + R"(
      (define before (broadcast-value (weights)))
      (display (= (world-size) 1))
      (display (replicas-equal? model))
      (broadcast-parameters! model)
      (display (replicas-equal? model))
      (display (equal? before (weights))))");
    EXPECT_EQ(output, ranks == 1 ? "#t#t#t#t" : "#f#f#t#t");
  }
}

TEST(BroadcastParametersTest, WorksOnParametersThatTrain) {
  EXPECT_EQ(OutputOf(2, std::string(kSetUp) + R"(
    (define opt (adam model 0.1))
    (define (step) (train-step! model opt mse-loss (ones '(2 3)) (ones '(2 1))))
    (step)
    (broadcast-parameters! model)
    (step)
    (display (replicas-equal? model)))"),
            "#t");
}

TEST(BroadcastParametersTest, ModelsThatDifferAreADesync) {
  const auto results = RunReplicas(2, std::string(kSetUp) + R"(
    (broadcast-parameters! (linear 2 (+ 1 rank))))");
  for (const auto& result : results) {
    EXPECT_NE(result.error.find("runtime.desync: parallel/broadcast-parameters!: the models of "
                                "rank 0 and rank 1 differ"),
              std::string::npos)
        << result.error;
  }
}

}  // namespace
}  // namespace eta::parallel
