#include "parallel/core/job/torchrun.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/parallel/core/job/variables.h"

namespace eta::parallel {
namespace {

const Variables kSecondOfFour = {
    {"RANK", "1"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "node1"}, {"MASTER_PORT", "29500"}};

Variables With(const std::string& name, const std::string& value) {
  Variables variables = kSecondOfFour;
  variables[name] = value;
  return variables;
}

Result<TorchrunJob> Read(const Variables& variables) {
  return ReadTorchrunJob(EnvironmentOf(variables));
}

void ExpectRefused(const Variables& variables, const std::string& why) {
  const auto job = Read(variables);
  ASSERT_FALSE(job) << why;
  EXPECT_EQ(job.error().code, Code::kInvalid);
  EXPECT_TRUE(job.error().message.starts_with(why + "; torchrun sets")) << job.error().message;
}

TEST(TorchrunTest, ReadsWhatALauncherSets) {
  const auto job = Read(kSecondOfFour);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->process, 1);
  EXPECT_EQ(job->processes, 4);
  EXPECT_EQ(job->address, "node1");
  EXPECT_EQ(job->port, 29500);
  EXPECT_FALSE(job->keeps_store());
}

TEST(TorchrunTest, TheFirstProcessKeepsTheStoreUnlessTheLauncherDoes) {
  Variables first = With("RANK", "0");
  EXPECT_TRUE(Read(first)->keeps_store());
  first["TORCHELASTIC_USE_AGENT_STORE"] = "False";
  EXPECT_TRUE(Read(first)->keeps_store());
  first["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  EXPECT_FALSE(Read(first)->keeps_store());
  EXPECT_TRUE(Read(first)->launcher_keeps_store);
}

TEST(TorchrunTest, RunsAndRestartsDiffer) {
  EXPECT_NE(Read(kSecondOfFour)->run, Read(With("TORCHELASTIC_RUN_ID", "a"))->run);
  EXPECT_NE(Read(kSecondOfFour)->run, Read(With("TORCHELASTIC_RESTART_COUNT", "1"))->run);
  EXPECT_EQ(Read(kSecondOfFour)->run, Read(With("TORCHELASTIC_RESTART_COUNT", "0"))->run);
}

TEST(TorchrunTest, AJobOfOneNeedsNoStore) {
  const auto job = Read({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->processes, 1);
}

TEST(TorchrunTest, NamesWhatIsMissing) {
  for (const auto& [name, value] : kSecondOfFour) {
    Variables variables = kSecondOfFour;
    variables.erase(name);
    ExpectRefused(variables, name + " is not set");
    ExpectRefused(With(name, ""), name + " is not set");
  }
}

TEST(TorchrunTest, NamesWhatIsWrong) {
  ExpectRefused(With("RANK", "4"), "RANK is '4'; it must be a whole number from 0 to 3");
  ExpectRefused(With("RANK", "-1"), "RANK is '-1'; it must be a whole number from 0 to 3");
  ExpectRefused(With("RANK", "1x"), "RANK is '1x'; it must be a whole number from 0 to 3");
  ExpectRefused(With("WORLD_SIZE", "0"),
                "WORLD_SIZE is '0'; it must be a whole number from 1 to 1048576");
  ExpectRefused(With("MASTER_PORT", "70000"),
                "MASTER_PORT is '70000'; it must be a whole number from 1 to 65535");
}

}  // namespace
}  // namespace eta::parallel
