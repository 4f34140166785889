// Where ranks share cores, the last of them to come to the end of a step do it for all.
#include <gtest/gtest.h>

#include <string>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// A program that changes its parameters as soon as a step has ended, when others may not have taken
// them yet. Its model has two layers of `units`.
std::string Program(int units) {
  const std::string n = std::to_string(units);
  return R"(
    (import std.torch std.nn std.optim) (import (except std.parallel rank))
    (manual-seed 7)
    (define model (sequential (linear 4 )" +
         n + ") (sigmoid-layer) (linear " + n + " " + n + ") (linear " + n + R"( 2)))
    (define optimizer (adam model 0.01))
    (define x (randn '(15 4)))
    (define y (randn '(15 2)))
    (define (run n)
      (when (> n 0)
        (write (train-step! model optimizer mse-loss (shard x) (shard y)))
        (newline)
        (load-parameters! model (map (lambda (p) (t* p (tensor 0.99))) (parameters model)))
        (run (- n 1))))
    (run 12)
    (write (map (lambda (p) (item (tsum p))) (parameters model))))";
}

// Small parameters are handed over, large ones written by those who update them.
TEST(SharedCoresTest, TheirNumberMakesNoDifference) {
  for (int units : {16, 300}) {
    const std::string alone = OutputOf(1, Program(units));
    for (int ranks : {3, 5}) {
      for (int cores : {1, 2, 3}) {
        SCOPED_TRACE(std::to_string(units) + " units, " + std::to_string(ranks) + " ranks on " +
                     std::to_string(cores) + " cores");
        ExpectClose(alone, OutputOf(ranks, Program(units), {.cores = cores}), 1e-9);
      }
    }
  }
}

TEST(SharedCoresTest, RunsAreTheSameToTheBit) {
  const ReplicaOptions options{.cores = 2};
  const std::string first = OutputOf(5, Program(16), options);
  for (int run = 0; run < 5; ++run) EXPECT_EQ(OutputOf(5, Program(16), options), first);
}

}  // namespace
}  // namespace eta::parallel
