// Captured steps as graphs of a device: one whose kernels are the CPU's. That they give what eager
// steps give is tested in captured_device_test.cc too, where they become graphs.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_accelerator.h"
#include "tests/parallel/training/captured_training.h"

namespace eta::parallel {
namespace {

using tensor::HostAccelerator;

const ReplicaOptions kOnDevice = {.device = "host"};

// Steps until the first one that consists of graphs: an eager one, one that is recorded, two
// replays, one that warms up.
constexpr int kBefore = 5;

constexpr const char* kLargeModel =
    "(sequential (linear 6 300) (relu-layer) (linear 300 200)"
    " (linear 200 4))";

// What (capture-status) says about the one kind of steps after so many.
std::string NoteOf(const Training& training, int steps = 20) {
  const std::string output =
      OutputOf(1,
               ProgramOf(training, steps) +
                   "(newline) (display (list-ref (car (capture-status optimizer)) 5))",
               kOnDevice);
  return output.substr(output.rfind('\n') + 1);
}

class CapturedGraphsTest : public testing::Test {
 protected:
  ~CapturedGraphsTest() override {
    HostAccelerator::RefuseToCapture(nullptr);
    unsetenv("ETA_GRAPHS");
  }

  // How many graphs were launched. The results must be those of eager steps, and all steps from
  // the third on be replayed.
  static int64_t LaunchesOf(const Training& training, int steps = 20) {
    const int64_t before = HostAccelerator::launches();
    EXPECT_EQ(ReplayedOf(1, training, steps, kOnDevice), steps - 2);
    return HostAccelerator::launches() - before;
  }
};

TEST_F(CapturedGraphsTest, AStepIsTwoGraphs) {
  EXPECT_EQ(LaunchesOf({.model = kPerceptron}), 2 * (20 - kBefore));
  EXPECT_TRUE(NoteOf({.model = kPerceptron}).ends_with(" bytes as 2 graphs"));
}

TEST_F(CapturedGraphsTest, TheirKernelsDoNotRunOneByOne) {
  OutputOf(1, ProgramOf({.model = kPerceptron}, 10), kOnDevice);  // what is made once
  const auto kernels = [](int steps) {
    const int64_t before = HostAccelerator::kernels();
    OutputOf(1, ProgramOf({.model = kPerceptron}, steps), kOnDevice);
    return HostAccelerator::kernels() - before;
  };
  const int64_t few = kernels(10), more = kernels(20), replayed = [&] {
    setenv("ETA_GRAPHS", "0", 1);
    return kernels(20) - kernels(10);
  }();
  EXPECT_LT(more - few, replayed);
}

TEST_F(CapturedGraphsTest, WhereTheyAreForbiddenStepsAreReplayed) {
  setenv("ETA_GRAPHS", "0", 1);
  EXPECT_EQ(LaunchesOf({.model = kPerceptron}), 0);
  EXPECT_NE(NoteOf({.model = kPerceptron}).find("not as graphs: ETA_GRAPHS=0 forbids them"),
            std::string::npos);
}

TEST_F(CapturedGraphsTest, AnOperationThatCannotBeCapturedIsNamed) {
  HostAccelerator::RefuseToCapture("aten::sigmoid.out");
  EXPECT_EQ(LaunchesOf({.model = kPerceptron}), 0);
  EXPECT_NE(NoteOf({.model = kPerceptron})
                .find("not as graphs: no graph could be captured: aten::sigmoid.out"),
            std::string::npos);
}

// The forward pass has been launched by then.
TEST_F(CapturedGraphsTest, AFailureInTheBackwardPassLeavesTheStepWhole) {
  HostAccelerator::RefuseToCapture("aten::sigmoid_backward.grad_input");
  EXPECT_EQ(LaunchesOf({.model = kPerceptron}), 1);
}

TEST_F(CapturedGraphsTest, DrawsGoOnWhereTheyWere) {
  const std::string model = "(sequential (linear 6 16) (dropout 0.3) (linear 16 4))";
  EXPECT_EQ(LaunchesOf({.model = model}), 2 * (20 - kBefore));
}

// The new stream is another generator: after one step without graphs they are captured again.
TEST_F(CapturedGraphsTest, ANewSeedCapturesAnew) {
  const Training training{.model = "(sequential (linear 6 16) (dropout 0.3) (linear 16 4))",
                          .before_step = "(when (= i 10) (manual-seed 9))"};
  EXPECT_EQ(LaunchesOf(training), 2 * (20 - kBefore - 1));
}

TEST_F(CapturedGraphsTest, LargeGradients) {
  EXPECT_EQ(LaunchesOf({.model = kLargeModel}), 2 * (20 - kBefore));
}

TEST_F(CapturedGraphsTest, AGradientThatIsKeptStaysWhatItIs) {
  const Training training{
      .model = kLargeModel,
      .before_step =
          "(begin (when (= i 10) (set! kept (grad (list-ref (parameters model) 2))))"
          " (when (= i 15) (display (to-list kept))))",
      .definitions = "(define kept '())"};
  EXPECT_EQ(LaunchesOf(training), 2 * (20 - kBefore));
}

TEST_F(CapturedGraphsTest, AProgramThatKeepsAllGradientsHasNoGraphs) {
  const Training training{
      .model = kLargeModel,
      .before_step = "(set! kept (cons (grad (list-ref (parameters model) 2)) kept))",
      .definitions = "(define kept '())"};
  EXPECT_LT(LaunchesOf(training), 2 * (20 - kBefore));
  EXPECT_NE(NoteOf(training).find("not as graphs: the program keeps large gradients"),
            std::string::npos);
}

TEST_F(CapturedGraphsTest, ABatchWithGapsIsReplayed) {
  const Training training{.model = kPerceptron,
                          .input = "(slice (randn (list rows 8)) 1 0 6)",
                          .definitions = "(import std.tensor)"};
  EXPECT_EQ(LaunchesOf(training), 0);
}

TEST_F(CapturedGraphsTest, EachKindHasItsOwn) {
  const Training training{.model = kPerceptron, .rows = "(if (= (modulo i 2) 0) 8 3)"};
  const int64_t before = HostAccelerator::launches();
  EXPECT_EQ(ReplayedOf(1, training, 20, kOnDevice), 16);
  EXPECT_EQ(HostAccelerator::launches() - before, 2 * (20 - 2 * kBefore));
}

// Gradients leave in buckets in the middle of the backward pass, which then is several graphs.
const Training kDeep{.model =
                         "(apply sequential (append (list (linear 6 20)) (apply append"
                         " (map (lambda (k) (list (relu-layer) (linear 20 20) (relu-layer)))"
                         " (range 0 8))) (list (linear 20 4))))",
                     .optimizer = "(sgd model 0.01)"};

TEST_F(CapturedGraphsTest, GradientsLeaveBetweenGraphs) {
  const FakeNccl nccl;
  const ReplicaOptions options{.backend = "nccl", .gpus = {1, 1}, .device = "host"};
  const int64_t before = HostAccelerator::launches();
  EXPECT_EQ(ReplayedOf(2, kDeep, 20, options), 18);
  EXPECT_GE(HostAccelerator::launches() - before, 2 * 3 * (20 - kBefore));
}

TEST_F(CapturedGraphsTest, ReplicasThatShareADevice) {
  const ReplicaOptions options{.gpus = {2}, .device = "host"};
  const int64_t before = HostAccelerator::launches();
  EXPECT_EQ(ReplayedOf(2, {.model = kPerceptron, .rows = "(+ 2 rank)"}, 20, options), 18);
  EXPECT_GE(HostAccelerator::launches() - before, 2 * 2 * (20 - kBefore));
}

TEST_F(CapturedGraphsTest, AccumulatedBatches) {
  const Training training{.model = kPerceptron, .optimizer = "(sgd model 0.05 'accumulate 2)"};
  const int64_t before = HostAccelerator::launches();
  EXPECT_GT(ReplayedOf(1, training, 20, kOnDevice), 0);
  EXPECT_GT(HostAccelerator::launches() - before, 0);
}

}  // namespace
}  // namespace eta::parallel
