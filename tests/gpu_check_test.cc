// tools/gpu_check where there is no GPU: it tries what needs none, and says what it left out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

constexpr const char* kCommand = "python3 tools/gpu_check --programs . </dev/null";

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
       {"etai starts", "digits on 2 replicas, CPU", "collectives over the stand-in for NCCL",
        "digits over the stand-in for NCCL", "a failure in the stand-in for NCCL"}) {
    ExpectLine("passed   " + std::string(check), outcome);
  }
}

TEST_F(GpuCheckTest, SaysWhatItLeavesOut) {
  const Outcome outcome = RunCommand(kCommand);
  EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
  ExpectLine("not run  digits over the stand-in for NCCL", outcome);
  for (const char* check : {"tensors and gradients on each GPU", "collectives over the real NCCL",
                            "digits on all GPUs", "MNIST on all GPUs", "G1: ", "G10: "}) {
    ExpectLine("not run  " + std::string(check), outcome);
  }
  EXPECT_NE(outcome.output.find("this machine has no GPU"), std::string::npos);
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
