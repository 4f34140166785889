// tools/gpu_check where there is no GPU: it tries what needs none, and says what it left out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

constexpr const char* kCommand = "python3 tools/gpu_check --programs . --figures none </dev/null";

class GpuCheckTest : public testing::Test {
 protected:
  GpuCheckTest() { setenv("CUDA_VISIBLE_DEVICES", "", 1); }

  static void ExpectLine(const std::string& part, const Outcome& outcome) {
    EXPECT_NE(outcome.output.find("\n" + part), std::string::npos)
        << part << "\n"
        << outcome.output << outcome.errors;
  }
};

TEST_F(GpuCheckTest, TriesWhatNeedsNoGpu) {
  const Outcome outcome =
      RunCommand(std::string(kCommand) + " --stand-in-nccl tests/fakes/libnccl_fake.so");
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
  for (const char* check :
       {"etai starts", "captured steps as eager ones, CPU", "digits on 2 replicas, CPU",
        "collectives over the stand-in for NCCL", "digits over the stand-in for NCCL",
        "a failure in the stand-in for NCCL"}) {
    ExpectLine("passed   " + std::string(check), outcome);
  }
}

TEST_F(GpuCheckTest, SaysWhatItLeavesOut) {
  const Outcome outcome = RunCommand(kCommand);
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
  ExpectLine("not run  digits over the stand-in for NCCL", outcome);
  for (const char* check :
       {"tensors and gradients on each GPU", "captured steps as CUDA graphs",
        "collectives over the real NCCL", "digits on all GPUs", "MNIST on all GPUs"}) {
    ExpectLine("not run  " + std::string(check), outcome);
  }
  EXPECT_NE(outcome.output.find("this machine has no GPU"), std::string::npos);
}

TEST_F(GpuCheckTest, ShowsAllFiguresThatItWants) {
  const Outcome outcome = RunCommand("python3 tools/gpu_check --programs . </dev/null");
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
  for (int figure = 1; figure <= 10; ++figure) {
    const size_t row = outcome.output.find("\nG" + std::to_string(figure) + " ");
    ASSERT_NE(row, std::string::npos) << outcome.output;
    const std::string line =
        outcome.output.substr(row + 1, outcome.output.find('\n', row + 1) - row - 1);
    EXPECT_TRUE(line.ends_with("not measured: this machine has no GPU")) << line;
  }
}

TEST_F(GpuCheckTest, ShowsFiguresThatAreNamed) {
  const std::string command = "python3 tools/gpu_check --programs . --figures ";
  const Outcome outcome = RunCommand(command + "G5,N1 </dev/null");
  ExpectLine("figure", outcome);
  ExpectLine("G5 ", outcome);
  ExpectLine("N1 ", outcome);
  EXPECT_EQ(outcome.output.find("\nG1 "), std::string::npos);
  const Outcome unknown = RunCommand(command + "G5,G77 </dev/null");
  EXPECT_NE(unknown.status, 0);
  EXPECT_NE(unknown.errors.find("there is no figure G77"), std::string::npos) << unknown.errors;
}

// Its parts, and the programs that it measures, on the CPU.
TEST_F(GpuCheckTest, FiguresAreRight) {
  const Outcome outcome = RunCommand("python3 tests/tools/gpu_figures_test.py </dev/null");
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
}

TEST_F(GpuCheckTest, AFailureIsAFailure) {
  const Outcome outcome =
      RunCommand(std::string(kCommand) + " --stand-in-nccl tests/fakes/libnccl_none.so");
  EXPECT_EQ(outcome.status, 1);
  ExpectLine("FAILED   digits over the stand-in for NCCL", outcome);
  EXPECT_EQ(RunCommand("python3 tools/gpu_check --programs tests </dev/null").status, 1);
}

}  // namespace
}  // namespace eta
