// Ranks that share cores have their parameters once in memory, for as long as training steps alone
// change them.
#include "parallel/training/shared_parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "parallel/training/owed_sums.h"
#include "tests/parallel/training/replicas.h"
#include "tests/support/plain_parameters.h"

namespace eta::parallel {
namespace {

using tensor::PlainParameters;

// A rank whose optimizer is laid out: all parameters are threes.
struct Rank {
  std::shared_ptr<PlainParameters> parameters =
      std::make_shared<PlainParameters>(std::vector<int64_t>{5, tensor::kLargeCount});
  tensor::Optimizer optimizer{parameters,
                              tensor::MakeSgd({.momentum = 0.5}),
                              std::make_shared<tensor::ArenaRegistry>(),
                              {.learning_rate = 0.1}};
  StepMemory memory;
  SharedParameters shared;

  Rank() {
    optimizer.Prepare();
    memory.segments = MemoryOf(optimizer, ExchangePlace());
    OwedSums::LayOut(optimizer, /*shares_cores=*/true, &memory);
  }
  double first(size_t parameter) const { return (*parameters)[parameter][0].item().toDouble(); }
  double last(size_t parameter) const { return (*parameters)[parameter][-1].item().toDouble(); }
  // As an owner of slices does.
  void Update(size_t segment, double value) {
    memory.owner->segments[segment].parameter.fill_(value);
  }
  void ChangeByHand(size_t parameter, double value) {
    const at::NoGradGuard no_grad;
    (*parameters)[parameter][0] = value;
  }
};

class SharedParametersTest : public testing::Test {
 protected:
  SharedParametersTest() {
    const auto file = ParameterFile::Of(a_.optimizer);
    for (Rank* rank : {&a_, &b_}) {
      rank->shared.Enter(file, &rank->memory);
      EXPECT_TRUE(rank->memory.shares_parameters);
    }
  }
  Rank a_, b_;
};

TEST_F(SharedParametersTest, WhatAnOwnerWritesIsEverybodys) {
  const void* const before = (*b_.parameters)[0].data_ptr();
  a_.Update(0, 7);
  b_.Update(1, 8);
  for (const Rank* rank : {&a_, &b_}) {
    EXPECT_EQ(rank->first(0), 7);
    EXPECT_EQ(rank->last(0), 7);
    EXPECT_EQ(rank->first(1), 8);
    EXPECT_EQ(rank->last(1), 8);
  }
  EXPECT_EQ((*b_.parameters)[0].data_ptr(), before);
}

TEST_F(SharedParametersTest, WhatAProgramWritesIsItsOwn) {
  a_.ChangeByHand(1, 9);
  EXPECT_EQ(a_.first(1), 9);
  EXPECT_EQ(b_.first(1), 3);
}

TEST_F(SharedParametersTest, WhoLeavesKeepsWhatItSees) {
  a_.Update(1, 8);
  a_.ChangeByHand(0, 9);
  a_.shared.Leave();
  EXPECT_FALSE(a_.memory.shares_parameters);
  b_.Update(0, 1);
  b_.Update(1, 1);
  EXPECT_EQ(a_.first(0), 9);
  EXPECT_EQ(a_.first(1), 8);
  EXPECT_EQ(a_.last(1), 8);
  a_.Update(0, 2);
  EXPECT_EQ(a_.first(0), 2);
  EXPECT_EQ(b_.first(0), 1);
}

// Neither its end, nor that of the others, takes the parameters away.
TEST_F(SharedParametersTest, TheyOutliveIt) {
  auto c = std::make_unique<Rank>();
  {
    const auto file = ParameterFile::Of(c->optimizer);
    c->shared.Enter(file, &c->memory);
  }
  c->Update(1, 8);
  const auto parameters = c->parameters;
  c.reset();
  EXPECT_EQ((*parameters)[1][-1].item().toDouble(), 8);
}

// --- In programs -------------------------------------------------------------------------------

// Takes steps of `optimizer` and of `other`, which has the same parameters; between them the
// program does `between` with the step's number. Writes the losses and the parameters.
std::string Training(const std::string& between) {
  return R"((import std.torch std.nn std.optim std.tensor) (import (except std.parallel rank))
    (manual-seed 5)
    (define model (sequential (linear 4 200) (sigmoid-layer) (linear 200 200) (linear 200 2)))
    (define optimizer (adam model 0.01 'average 0.5))
    (define other (sgd model 0.01 'momentum 0.9))
    (define x (randn '(15 4)))
    (define y (randn '(15 2)))
    (define (step-with optimizer)
      (write (train-step! model optimizer mse-loss (shard x) (shard y)))
      (newline))
    (define (scale! factor)
      (load-parameters! model (map (lambda (p) (t* (full-like p factor) p)) (parameters model))))
    (define (between i) )" +
         between + R"()
    (for-each (lambda (i) (step-with optimizer) (between i)) '(1 2 3 4 5 6 7 8 9))
    (write (map (lambda (p) (item (tsum p))) (parameters model)))
    (write (replicas-equal? model)))";
}

TEST(SharedParametersInProgramsTest, TheyTrainAsOne) {
  for (const char* between :
       {"'nothing", "(when (= i 4) (scale! 0.5))", "(when (> i 4) (scale! 0.5))",
        "(when (= i 4) (step-with other))", "(when (> i 4) (step-with other))",
        "(when (= i 5) (with-average optimizer (lambda () 'nothing)))",
        R"((when (= i 3)
             (for-each zero-grad! (parameters model))
             (backward (mse-loss (forward model (shard x)) (shard y)))
             (average-gradients! model)
             (step! other)))"}) {
    SCOPED_TRACE(between);
    const std::string alone = OutputOf(1, Training(between));
    for (const int cores : {1, 2}) {
      ExpectClose(alone, OutputOf(5, Training(between), {.cores = cores}), 1e-9);
    }
  }
}

TEST(SharedParametersInProgramsTest, SomeMayBeEmpty) {
  const std::string program = R"((import std.torch std.nn) (import (except std.parallel rank))
    (manual-seed 5)
    (define empty (requires-grad! (zeros '(0 3) 'float32) #t))
    (define part (linear 3 2))
    (define model (make-module (list (cons 'empty empty) (cons 'part part))
                               (lambda (x) (forward part x))))
    (define optimizer (sgd model 0.1))
    (define x (randn '(8 3)))
    (define y (randn '(8 2)))
    (define (step) (write (train-step! model optimizer mse-loss (shard x) (shard y))))
    (step) (step))";
  ExpectClose(OutputOf(1, program), OutputOf(4, program, {.cores = 2}), 1e-9);
}

// The first optimizer's ranks leave as soon as they come to the step of the second one, when others
// are still on their way out of the step before.
TEST(SharedParametersInProgramsTest, SomeLeaveBeforeOthersHaveEndedTheStep) {
  const std::string program = R"((import std.torch std.nn std.optim std.collections)
    (import (except std.parallel rank))
    (manual-seed 5)
    (define x (randn '(16 4)))
    (define y (randn '(16 2)))
    (define (losses i)
      (let* ((model (sequential (linear 4 8) (linear 8 2)))
             (first (sgd model 0.01))
             (second (adam model 0.01)))
        (define (step optimizer) (train-step! model optimizer mse-loss (shard x) (shard y)))
        (map step (list first first second first))))
    (write (map losses (range 0 40))))";
  ExpectClose(OutputOf(1, program), OutputOf(8, program, {.cores = 2}), 1e-9);
}

}  // namespace
}  // namespace eta::parallel
