// Where etai puts replicas, and what it says about that.
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

// Of a program that says where it runs.
Outcome RunOn(const std::string& options) {
  const std::string program = testing::TempDir() + "placed.eta";
  std::ofstream(program) << "(import std.io std.parallel) (println (replica-device))";
  return RunCommand("./etai " + options + " " + program + " </dev/null");
}

TEST(PlacementTest, IsShownWhenReplicasAreAskedFor) {
  const Outcome two = RunOn("--replicas 2 --threads 1 --devices cpu");
  EXPECT_EQ(two.errors, "replica 0  cpu  1 thread\nreplica 1  cpu  1 thread\n");
  EXPECT_EQ(two.output, "cpu\n");
  EXPECT_EQ(RunOn("--replicas 1 --threads 3 --devices cpu").errors, "replica 0  cpu  3 threads\n");
}

TEST(PlacementTest, TheVersionOfNcclIsShown) {
  setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so", 1);
  setenv("FAKE_NCCL_PLAN", "version=21903", 1);
  EXPECT_EQ(RunOn("--replicas 2 --threads 1 --devices cpu --backend nccl").errors,
            "replica 0  cpu  1 thread\nreplica 1  cpu  1 thread\n"
            "replicas exchange data through NCCL 2.19.3\n");
  unsetenv("FAKE_NCCL_PLAN");
  const std::string local = RunOn("--replicas 2 --devices cpu --backend local").errors;
  EXPECT_EQ(local.find("NCCL"), std::string::npos) << local;
  unsetenv("ETA_NCCL_PATH");
}

TEST(PlacementTest, OtherwiseNothingIsShown) {
  EXPECT_EQ(RunOn("").errors, "");
  EXPECT_EQ(RunOn("--devices cpu").errors, "");
}

TEST(PlacementTest, ADeviceThatIsNotThereIsAnError) {
  const Outcome outcome = RunOn("--devices cuda:99");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.errors.starts_with("error: --devices: there is no device cuda:99: "))
      << outcome.errors;
}

TEST(PlacementTest, ShardsAreDealtEvenly) {
  EXPECT_EQ(RunOn("--deterministic --replicas 8 --devices cpu").status, 0);
  const Outcome three = RunOn("--deterministic --replicas 3 --devices cpu");
  EXPECT_EQ(three.status, 1);
  EXPECT_EQ(three.errors, "error: --deterministic needs 1, 2, 4 or 8 replicas, not 3\n");
}

// The driver of a machine with GPUs, of which libtorch can use none.
class DriverWithoutTorchTest : public testing::Test {
 protected:
  DriverWithoutTorchTest() {
    const fs::path folder = testing::TempDir();
    fs::copy_file("tests/parallel/isolate/driver/libdriver.so", folder / "libcuda.so.1",
                  fs::copy_options::overwrite_existing);
    setenv("LD_LIBRARY_PATH", folder.c_str(), 1);
    std::ofstream(folder / "placed.eta")
        << "(import std.io std.torch) (println (to-list (ones '(2))))";
  }
  ~DriverWithoutTorchTest() override { unsetenv("LD_LIBRARY_PATH"); }

  static Outcome Run(const std::string& options) {
    return RunCommand("./etai --threads 1 " + options + " " + testing::TempDir() +
                      "/placed.eta </dev/null");
  }
};

TEST_F(DriverWithoutTorchTest, AutoIsTheCpu) {
  for (const char* options : {"--replicas auto", "--replicas 1", "--devices auto --replicas 1"}) {
    const Outcome outcome = Run(options);
    EXPECT_EQ(outcome.errors, "replica 0  cpu  1 thread\n") << options;
    EXPECT_EQ(outcome.status, 0) << options;
  }
}

// Of their own, and shared.
TEST_F(DriverWithoutTorchTest, ReplicasOnGpusDoNotStart) {
  for (const std::string replicas : {"2", "4"}) {
    const Outcome outcome = Run("--devices cuda:0,cuda:1 --replicas " + replicas);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.errors.ends_with("error: backend 'auto' cannot serve " + replicas +
                                         " ranks on these devices: there is no GPU that can be "
                                         "used\n"))
        << outcome.errors;
  }
}

TEST(PlacementTest, MoreReplicasThanCoresAreNotBound) {
  cpu_set_t usable, first;
  ASSERT_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
  CPU_ZERO(&first);
  for (int core = 0; CPU_COUNT(&first) == 0; ++core) {
    if (CPU_ISSET(core, &usable)) CPU_SET(core, &first);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
  const Outcome outcome = RunOn("--replicas 2 --devices cpu --pin auto");
  sched_setaffinity(0, sizeof(usable), &usable);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.errors.starts_with(
      "warning: --pin auto has no effect: there are more replicas than cores\n"))
      << outcome.errors.substr(0, 200);
}

TEST(PlacementTest, ABoundReplicaRuns) {
  const Outcome outcome = RunOn("--replicas 1 --devices cpu --threads 1 --pin auto");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "cpu\n");
  EXPECT_EQ(outcome.errors, "replica 0  cpu  1 thread\n");
}

}  // namespace
}  // namespace eta
