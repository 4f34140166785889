// Runs every program of the cookbook. Most say in the source what they print; the training programs
// must learn what they promise, the same on any number of replicas.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> ProgramsThatSay() {
  std::vector<fs::path> programs = ScriptsBelow("cookbook");
  std::erase_if(programs,
                [](const fs::path& program) { return ReadExpectation(program).output.empty(); });
  return programs;
}

class CookbookTest : public testing::TestWithParam<fs::path> {};

TEST_P(CookbookTest, PrintsWhatItSays) {
  Check(ReadExpectation(GetParam()), RunEtai(GetParam().string()));
}

INSTANTIATE_TEST_SUITE_P(Programs, CookbookTest, testing::ValuesIn(ProgramsThatSay()),
                         [](const testing::TestParamInfo<fs::path>& info) {
                           return ScriptTestName(info.param);
                         });

// What a training program printed.
struct Training {
  std::vector<double> losses;  // by epoch
  double test_accuracy = 0;    // of the last line
};

Training Train(const std::string& program, int replicas, const std::string& options = "") {
  const Outcome outcome =
      RunEtai("--replicas " + std::to_string(replicas) + " " + options + " " + program);
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  Training training;
  std::istringstream lines(outcome.output);
  std::string line, last;
  while (std::getline(lines, line)) {
    last = line;
    int epoch = 0, read = 0;
    double loss = 0, accuracy = 0, rate = 0;
    if (std::sscanf(line.c_str(), "epoch %d  loss %lf  accuracy %lf  samples/s %lf%n", &epoch,
                    &loss, &accuracy, &rate, &read) != 4) {
      continue;
    }
    EXPECT_EQ(line.size(), static_cast<size_t>(read)) << line;
    EXPECT_EQ(epoch, static_cast<int>(training.losses.size()) + 1) << line;
    EXPECT_GT(rate, 0) << line;
    training.losses.push_back(loss);
  }
  EXPECT_EQ(std::sscanf(last.c_str(), "test accuracy %lf", &training.test_accuracy), 1) << last;
  return training;
}

TEST(TrainingTest, DigitsTrainsTheSameOnAnyNumberOfReplicas) {
  const Training alone = Train("cookbook/parallel/digits.eta", 1);
  EXPECT_GE(alone.test_accuracy, 0.96);
  ASSERT_GT(alone.losses.size(), 1u);
  EXPECT_LT(alone.losses.back(), alone.losses.front());
  for (int replicas : {2, 3, 7}) {
    const Training together = Train("cookbook/parallel/digits.eta", replicas);
    EXPECT_EQ(together.test_accuracy, alone.test_accuracy) << replicas;
    ASSERT_EQ(together.losses.size(), alone.losses.size());
    for (size_t i = 0; i < alone.losses.size(); ++i) {
      EXPECT_NEAR(together.losses[i] / alone.losses[i], 1, 1e-9) << replicas << ", epoch " << i + 1;
    }
  }
}

// Over a fake NCCL that adds in the order of the ranks, as shared memory does: the same bits.
TEST(TrainingTest, DigitsTrainsTheSameOverNccl) {
  setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so", 1);
  for (int replicas : {2, 3}) {
    const Training local = Train("cookbook/parallel/digits.eta", replicas, "--backend local");
    const Training nccl = Train("cookbook/parallel/digits.eta", replicas, "--backend nccl");
    EXPECT_EQ(nccl.losses, local.losses);
    EXPECT_EQ(nccl.test_accuracy, local.test_accuracy);
  }
}

TEST(TrainingTest, DigitsTrainsTheSameToTheBit) {
  const Training alone = Train("cookbook/parallel/digits.eta", 1, "--deterministic");
  EXPECT_GE(alone.test_accuracy, 0.96);
  for (int replicas : {2, 4, 8}) {
    const Training together = Train("cookbook/parallel/digits.eta", replicas, "--deterministic");
    EXPECT_EQ(together.losses, alone.losses);
    EXPECT_EQ(together.test_accuracy, alone.test_accuracy);
  }
}

TEST(TrainingTest, MnistLearnsOnTwoReplicas) {
  const Training training = Train("cookbook/parallel/mnist.eta", 2);
  EXPECT_GE(training.test_accuracy, 0.94);
}

// Convolutions reach what the perceptron does not, on two cores within a minute.
TEST(TrainingTest, LenetLearnsOnTwoReplicas) {
  const Training training = Train("cookbook/parallel/lenet.eta", 2);
  EXPECT_GE(training.test_accuracy, 0.97);
}

}  // namespace
}  // namespace eta
