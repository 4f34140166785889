// The collectives on values that are no tensors: the same for a program alone and for replicas,
// with any backend, since they go through the process's memory and not through what tensors take.
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr const char* kImports = R"(
    (import std.torch std.collections) (import (except std.parallel rank)))";

class PlainValuesTest : public testing::TestWithParam<const char*> {
 protected:
  // What `program` prints on every rank.
  std::string On(int ranks, const std::string& program) {
    return OutputOf(ranks, kImports + program, {.backend = GetParam()});
  }

 private:
  const FakeNccl nccl_;
};

TEST_P(PlainValuesTest, NumbersReduce) {
  const std::string program = R"(
    (define (all op) (all-reduce (+ 1 rank) op))
    (write (map all '(sum mean max min))) (write (all-reduce 0.5)))";
  EXPECT_EQ(On(1, program), "(1 1.0 1 1)0.5");
  EXPECT_EQ(On(2, program), "(3 1.5 2 1)1.0");
  EXPECT_EQ(On(3, program), "(6 2.0 3 1)1.5");
}

TEST_P(PlainValuesTest, ValuesGather) {
  const std::string program = R"(
    (write (all-gather-value (list rank "text" 'symbol #\a (vector 1.5 (* rank rank))))))";
  std::string expected;
  for (int ranks : {1, 2, 3}) {
    const std::string rank = std::to_string(ranks - 1);
    expected += (ranks > 1 ? " " : "") + ("(" + rank + R"( "text" symbol #\a #(1.5 )") +
                std::to_string((ranks - 1) * (ranks - 1)) + "))";
    EXPECT_EQ(On(ranks, program), "(" + expected + ")");
  }
}

TEST_P(PlainValuesTest, RecordsAndProceduresGather) {
  const std::string program = R"(
    (define-record-type point (make-point x) point? (x point-x))
    (define (own) (make-point rank))
    (define all (all-gather-value (cons (own) own)))
    (write (map (lambda (p) (list (point? (car p)) (point-x (car p)) (point-x ((cdr p))))) all)))";
  EXPECT_EQ(On(1, program), "((#t 0 0))");
  EXPECT_EQ(On(3, program), "((#t 0 0) (#t 1 1) (#t 2 2))");
}

TEST_P(PlainValuesTest, RootsBroadcast) {
  const std::string program = R"(
    (define root (- (world-size) 1))
    (define m (hash-map 'rank rank 'weights (tensor (list 1 (+ rank 0.5)))))
    (define copy (broadcast-value m root))
    (write (list (- root (hash-map-ref copy 'rank)) (to-list (hash-map-ref copy 'weights)))))";
  EXPECT_EQ(On(1, program), "(0 (1.0 0.5))");
  EXPECT_EQ(On(2, program), "(0 (1.0 1.5))");
  EXPECT_EQ(On(3, program), "(0 (1.0 2.5))");
}

TEST_P(PlainValuesTest, CollectivesOnTensorsAndValuesMayAlternate) {
  const std::string program = R"(
    (define (round i)
      (list (item (all-reduce (tensor (+ i 0.0)) 'mean)) (car (all-gather-value i))
            (all-reduce i 'max) (broadcast-value i)))
    (barrier)
    (write (map round '(1 2 3))))";
  for (int ranks : {1, 2, 3}) {
    EXPECT_EQ(On(ranks, program), "((1.0 1 1 1) (2.0 2 2 2) (3.0 3 3 3))");
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, PlainValuesTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace eta::parallel
