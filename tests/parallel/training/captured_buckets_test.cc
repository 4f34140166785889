// Gradients that leave in buckets while a step is replayed, over the nccl backend with a fake NCCL,
// and between processes on two machines.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

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
  for (const char* backend : {"nccl", "mpi"}) {
    for (int ranks : {2, 3}) {
      SCOPED_TRACE(backend + std::to_string(ranks));
      EXPECT_EQ(ReplayedOf(ranks, {.model = kPerceptron}, 12, {.backend = backend}), 10);
      Training deep = kDeep;
      deep.rows = "(+ 2 (* 3 rank))";
      EXPECT_EQ(ReplayedOf(ranks, deep, 8, {.backend = backend}), 6);
    }
  }
  const std::string program = ProgramOf(kDeep, 8);
  EXPECT_EQ(OutputOf(2, program, {.backend = "mpi"}), OutputOf(2, program, {.backend = "nccl"}));
}

// One of a rank's steps.
struct Step {
  Step(const std::vector<PhaseRecord>& phases, uint64_t number) {
    for (const PhaseRecord& record : phases) {
      if (record.step != number) continue;
      if (record.beside) {
        beside_bytes += record.bytes;
      } else if (record.phase == Phase::kBackward) {
        (buckets > 0 ? after : before) += record.end_ns - record.begin_ns;
      } else if (record.phase == Phase::kReduce && before > 0) {
        ++buckets;
      }
    }
  }
  // Of the time of the backward pass, what came after the first bucket had left.
  double rest() const { return static_cast<double>(after) / static_cast<double>(before + after); }

  int64_t before = 0, after = 0;  // nanoseconds
  int buckets = 0;
  uint64_t beside_bytes = 0;  // exchanged while the rank did something else
};

class BucketsTest : public testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  static constexpr uint64_t kSteps = 8;

  // Of all ranks; without the first two, one of which is recorded.
  std::vector<Step> Steps() {
    const FakeNccl nccl;
    const auto& [backend, capture] = GetParam();
    std::vector<Step> steps;
    for (const ReplicaResult& result :
         RunReplicas(2, ProgramOf(kDeep, kSteps), {.backend = backend, .capture = capture})) {
      EXPECT_EQ(result.error, "");
      for (uint64_t i = 3; i <= kSteps; ++i) steps.emplace_back(result.phases, i);
    }
    return steps;
  }
};

// If all left at the end of the pass, next to nothing would come after the first.
TEST_P(BucketsTest, TheFirstLeavesInTheMiddleOfThePass) {
  std::vector<double> rests;
  for (const Step& step : Steps()) {
    EXPECT_GT(step.buckets, 3);
    rests.push_back(step.rest());
  }
  std::sort(rests.begin(), rests.end());
  EXPECT_GT(rests[rests.size() / 2], 0.15) << rests.front() << " to " << rests.back();
}

TEST_P(BucketsTest, SumsBetweenMachinesAreMadeBesideThePass) {
  const uint64_t weights = 6 * 300 + 2 * 300 * 1000 + 300 * 200 + 200 * 4;
  const uint64_t biases = 300 + 1000 + 300 + 200 + 4;
  for (const Step& step : Steps()) {
    if (std::get<0>(GetParam()) == "nccl") {
      EXPECT_EQ(step.beside_bytes, 0u);
    } else {
      EXPECT_GE(step.beside_bytes, 8 * (weights + biases));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, BucketsTest,
                         testing::Combine(testing::Values("nccl", "mpi"), testing::Bool()),
                         [](const auto& info) {
                           return std::get<0>(info.param) +
                                  (std::get<1>(info.param) ? "Captured" : "Eager");
                         });

}  // namespace
}  // namespace eta::parallel
