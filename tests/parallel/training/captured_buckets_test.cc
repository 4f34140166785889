// Gradients that leave in buckets while a step is replayed, over the nccl backend with a fake NCCL.
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/captured_training.h"

namespace eta::parallel {
namespace {

// Most of the backward pass comes after the gradient of the last layer, which leaves first.
const Training kDeep{.model =
                         "(sequential (linear 6 300) (relu-layer) (linear 300 1000)"
                         " (relu-layer) (linear 1000 300) (relu-layer) (linear 300 200)"
                         " (relu-layer) (linear 200 4))",
                     .optimizer = "(sgd model 0.01)",
                     .rows = "64"};

TEST(CapturedBucketsTest, TheSumsHaveTheSameBits) {
  const FakeNccl nccl;
  for (int ranks : {2, 3}) {
    SCOPED_TRACE(ranks);
    EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron}, 12, {.backend = "nccl"}), 10);
    Training deep = kDeep;
    deep.rows = "(+ 2 (* 3 rank))";
    EXPECT_EQ(ReplayedOf(ranks, deep, 8, {.backend = "nccl"}), 6);
  }
}

// Nanoseconds of the backward pass before and after the last step's first bucket left.
std::pair<int64_t, int64_t> AroundTheFirstBucket(const std::vector<PhaseRecord>& phases) {
  int64_t before = 0, after = 0;
  bool left = false;
  for (const PhaseRecord& record : phases) {
    if (record.step != phases.back().step) continue;
    if (record.phase == Phase::kBackward)
      (left ? after : before) += record.end_ns - record.begin_ns;
    left |= record.phase == Phase::kReduce && before > 0;
  }
  return {before, after};
}

TEST(CapturedBucketsTest, TheFirstLeavesInTheMiddleOfTheReplay) {
  const FakeNccl nccl;
  const auto results = RunReplicas(2, ProgramOf(kDeep, 8), {.backend = "nccl"});
  for (const ReplicaResult& result : results) {
    EXPECT_EQ(result.error, "");
    const auto [before, after] = AroundTheFirstBucket(result.phases);
    EXPECT_GT(before, 0);
    EXPECT_GT(after, before);
  }
}

}  // namespace
}  // namespace eta::parallel
