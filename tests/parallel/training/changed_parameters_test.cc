// Programs that change parameters between steps: the replicas go on if all have the same values
// then, and end otherwise.
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// Three steps, then `change`, then three more; the losses and whether the replicas are equal.
std::string Training(const std::string& change) {
  return R"((import std.torch std.nn std.tensor)
    (manual-seed 5)
    (define model (linear 3 2))
    (define optimizer (adam model 0.01))
    (define other (sgd model 0.01))
    (define (step-with optimizer)
      (write (train-step! model optimizer mse-loss (parallel/shard (randn '(7 3)))
                          (parallel/shard (randn '(7 2)))))
      (newline))
    (define (step i) (step-with optimizer))
    (define (scale! factor)
      (load-parameters! model (map (lambda (p) (t* (full-like p factor) p)) (parameters model))))
    (for-each step '(1 2 3))
    )" + change +
         R"((for-each step '(4 5 6))
    (write (parallel/replicas-equal? model)))";
}

uint64_t MeetingsOf(const std::string& change, const ReplicaOptions& options = {}) {
  return RunReplicas(2, Training(change), options)[0].meetings;
}

void ExpectDesync(const std::string& change, const ReplicaOptions& options) {
  for (const ReplicaResult& result : RunReplicas(3, Training(change), options)) {
    EXPECT_TRUE(result.error.starts_with(
        "runtime.desync: optim/train-step!: the replicas' parameters differ: weight is not the "
        "same on rank 0 and rank 1 any more"))
        << result.error;
  }
}

// One core: some ranks leave the work of a step to others.
class ChangedParametersTest : public testing::TestWithParam<ReplicaOptions> {};

TEST_P(ChangedParametersTest, AllMayChangeThemAlike) {
  const FakeNccl nccl;
  const std::string change = "(scale! 0.5)";
  const std::string alone = OutputOf(1, Training(change));
  ExpectClose(alone, OutputOf(3, Training(change), GetParam()), 1e-12);
}

TEST_P(ChangedParametersTest, OneAloneMayNot) {
  const FakeNccl nccl;
  ExpectDesync("(when (= rank 1) (scale! 0.5))", GetParam());
}

TEST_P(ChangedParametersTest, NorMayEachInItsWay) {
  const FakeNccl nccl;
  ExpectDesync("(scale! (+ rank 2))", GetParam());
}

TEST_P(ChangedParametersTest, OneMayIfTheOthersGetThem) {
  const FakeNccl nccl;
  const std::string alone = OutputOf(1, Training("(scale! 0.5)"));
  const std::string change =
      "(when (= rank 0) (scale! 0.5)) (parallel/broadcast-parameters! model)";
  ExpectClose(alone, OutputOf(3, Training(change), GetParam()), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Settings, ChangedParametersTest,
                         testing::Values(ReplicaOptions{}, ReplicaOptions{.cores = 1},
                                         ReplicaOptions{.backend = "nccl"},
                                         ReplicaOptions{.shards = 6}));

// A model of two layers, an optimizer for all of it, and one for the first layer, `part`, or the
// second, `head`.
std::string Layers(const std::string& steps) {
  return R"((import std.torch)
    (manual-seed 5)
    (define first (linear 3 4)) (define second (linear 4 2))
    (define model (sequential first second))
    (define optimizer (sgd model 0.01)) (define part (sgd first 0.01)) (define head (sgd second 0.01))
    (define steps 0)
    (define (scale! layer)
      (nn/load-parameters! layer (map (lambda (p) (t+ p p)) (parameters layer))))
    (define (loss p t) (set! steps (+ steps 1)) (during steps) (mse-loss p t))
    (define (during step) '())
    (define (step optimizer)
      (train-step! model optimizer loss (parallel/shard (ones '(7 3)))
                   (parallel/shard (ones '(7 2)))))
    )" + steps;
}

void ExpectDifference(const std::string& parameter, const std::string& steps) {
  for (const ReplicaResult& result : RunReplicas(2, Layers(steps))) {
    EXPECT_NE(result.error.find("parameters differ: " + parameter + " is not the same"),
              std::string::npos)
        << result.error;
  }
}

TEST(ChangedLayersTest, AnotherOptimizersStepDoesNotHideAChange) {
  ExpectDifference("1.weight",
                   "(step optimizer) (step part) (when (= rank 1) (scale! second)) (step part) "
                   "(step optimizer)");
}

TEST(ChangedLayersTest, WhatIsNotTrainedIsTheSameToo) {
  ExpectDifference("0.weight",
                   "(step head) (step head) (when (= rank 1) (scale! first)) (step head)");
}

TEST(ChangedLayersTest, AChangeWithinAStepIsNoticed) {
  ExpectDifference("0.weight",
                   "(set! during (lambda (n) (when (and (= n 2) (= rank 1)) (scale! first))))"
                   "(step optimizer) (step optimizer) (step optimizer)");
}

// Only the next step pays for it, with one more meeting.
TEST(ChangedParametersMeetingsTest, ValuesAreComparedOnce) {
  for (int cores : {0, 1}) {
    const ReplicaOptions options{.cores = cores};
    EXPECT_EQ(MeetingsOf("(scale! 0.5) (scale! 2)", options), MeetingsOf("", options) + 1);
    EXPECT_EQ(MeetingsOf("(when (= rank 1) (scale! 1))", options), MeetingsOf("", options) + 1);
  }
}

TEST(ChangedParametersMeetingsTest, WhatAnotherOptimizerStepsIsNoChange) {
  const auto meetings = [](int steps) {
    std::string change;
    for (int i = 0; i < steps; ++i) change += "(step-with other) (step-with optimizer) ";
    return MeetingsOf(change);
  };
  EXPECT_EQ(meetings(3) - meetings(2), meetings(2) - meetings(1));
  EXPECT_EQ(meetings(3) - meetings(2), 2 * (MeetingsOf("(step 7)") - MeetingsOf("")));
}

}  // namespace
}  // namespace eta::parallel
