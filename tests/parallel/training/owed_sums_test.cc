// After a step of ranks that share memory the gradients are those of all rows, whenever and however
// a program looks at them.
#include <gtest/gtest.h>

#include <string>

#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// `body` is given step, which takes a step with the model's optimizer, and look, which writes the
// model's gradients. One parameter is large, and so has memory of its own for each gradient.
std::string Program(const std::string& body) {
  return R"(
    (import std.torch) (import (except std.parallel rank))
    (manual-seed 7)
    (define (make) (sequential (linear 4 200) (relu-layer) (linear 200 200) (linear 200 2)))
    (define model (make))
    (define opt (sgd model 0.1 'momentum 0.9))
    (define x (randn '(7 4)))
    (define y (randn '(7 2)))
    (define (train m o) (train-step! m o mse-loss (shard x) (shard y)))
    (define (step) (train model opt))
    (define (look)
      (for-each (lambda (p) (write (let ((g (grad p))) (if (null? g) g (item (tsum (t* g g)))))))
                (parameters model))
      (write (to-list (grad (last-of (parameters model))))))
    (define (last-of l) (if (null? (cdr l)) (car l) (last-of (cdr l)))))" +
         body;
}

void ExpectAlike(const std::string& body) {
  const std::string alone = OutputOf(1, Program(body));
  EXPECT_GT(NumbersIn(alone).size(), 2u);
  for (int ranks : {2, 3, 5}) {
    SCOPED_TRACE(std::to_string(ranks) + " ranks");
    ExpectClose(alone, OutputOf(ranks, Program(body)), 1e-9);
  }
}

TEST(OwedSumsTest, AnyLookShowsTheSums) {
  ExpectAlike("(step) (look) (look) (step) (step) (step) (look)");
}

TEST(OwedSumsTest, AGradientThatWasKeptShowsThoseOfLaterSteps) {
  ExpectAlike(R"((step)
    (define kept (grad (last-of (parameters model))))
    (step) (write (to-list kept))
    (step) (step) (step) (write (to-list kept)))");
}

TEST(OwedSumsTest, WhatIsAddedComesOnTop) {
  ExpectAlike("(step) (step) (backward (mse-loss (forward model x) y)) (look)");
}

TEST(OwedSumsTest, AnUpdateByHandUsesThem) {
  ExpectAlike(R"((step) (average-gradients! model) (step! opt)
    (write (map (lambda (p) (item (tsum p))) (parameters model))))");
}

TEST(OwedSumsTest, ThoseThatWereClearedAreGone) {
  ExpectAlike("(step) (step) (zero-grad! (last-of (parameters model))) (look) (step) (look)");
  ExpectAlike(R"((step) (step) (optim/zero-grad! opt)
    (write (map (lambda (p) (let ((g (grad p))) (or (null? g) (item (tsum g))))) (parameters model)))
    (backward (mse-loss (forward model x) y)) (look))");
}

TEST(OwedSumsTest, StepsOfOtherOptimizersLeaveThemAlone) {
  ExpectAlike(R"((define other (make)) (define other-opt (adam other 0.01))
    (define again (sgd model 0.05))
    (step) (train other other-opt) (look)
    (step) (train other other-opt) (step) (train other other-opt) (look)
    (train model again) (look))");
}

TEST(OwedSumsTest, TheyOutliveTheOptimizer) {
  ExpectAlike(R"((step) (step) (set! opt #f)
    (define (churn n) (if (> n 0) (begin (make-vector 1000 0) (churn (- n 1)))))
    (churn 20000) (look))");
}

TEST(OwedSumsTest, ClippingSeesThem) {
  ExpectAlike(R"((define clipped (adam model 0.01 'clip-norm 0.1))
    (train model clipped) (train model clipped) (look) (train model clipped)
    (write (map (lambda (p) (item (tsum p))) (parameters model))))");
}

}  // namespace
}  // namespace eta::parallel
