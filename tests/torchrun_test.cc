// etai as several processes with the environment that torchrun gives to them: they find each other
// through libtorch's store, train what one process would, and say what goes wrong in another one.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "tests/golden.h"
#include "tests/started_job.h"

namespace eta {
namespace {

using std::chrono::steady_clock;

constexpr const char* kDigits = "cookbook/parallel/digits.eta";

// The processes but the first have to end well; the first one's outcome.
Outcome First(StartedJob&& job) {
  std::vector<Outcome> outcomes = job.WaitForAll();
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.status, 0) << outcome.errors;
  return outcomes[0];
}

TEST(TorchrunTest, TrainsWhatOneProcessTrains) {
  const std::string digits = kDigits;
  const std::vector<double> alone = LossesIn(RunEtai(digits).output);
  ASSERT_EQ(alone.size(), 20u);
  const std::vector<std::vector<std::string>> jobs = {
      {"--replicas 2 " + digits, "--replicas 2 " + digits}, {digits, "--replicas 3 " + digits}};
  for (const auto& arguments : jobs) {
    const Outcome outcome = First(StartedJob(arguments));
    const std::vector<double> losses = LossesIn(outcome.output);
    ASSERT_EQ(losses.size(), alone.size()) << outcome.output << outcome.errors;
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_LE(std::abs(losses[i] - alone[i]), 1e-9 * alone[i]) << arguments[1];
    }
  }
}

TEST(TorchrunTest, DeterministicTrainingIsTheSameToTheBit) {
  const std::string arguments = std::string("--deterministic --replicas 2 ") + kDigits;
  const auto alone = LossesIn(RunEtai(std::string("--deterministic ") + kDigits).output);
  ASSERT_EQ(alone.size(), 20u);
  EXPECT_EQ(LossesIn(First(StartedJob({arguments, arguments})).output), alone);
}

TEST(TorchrunTest, ValuesGoToOtherProcesses) {
  // The first text is larger than a value in the store may be.
  const std::string program = R"(-e '(import std.core std.io std.parallel)
    (println (string-length (broadcast-value (make-string (* 10 1000000) #\a) 1)))
    (println (all-gather-value (list (rank) "text")))')";
  const Outcome outcome = First(StartedJob({program, program, program}));
  EXPECT_EQ(outcome.output, "10000000\n((0 text) (1 text) (2 text))\n") << outcome.errors;
}

TEST(TorchrunTest, AJobOfOneProcessIsAsIfNobodyHadStartedIt) {
  const Outcome outcome =
      First(StartedJob({"-e '(import std.io std.parallel) (display (world-size))'"}));
  EXPECT_EQ(outcome.output, "1") << outcome.errors;
}

TEST(TorchrunTest, TwoJobsAtOnceDoNotMeet) {
  StartedJob one({kDigits, kDigits}), other({kDigits, kDigits});
  const std::vector<double> losses = LossesIn(First(std::move(one)).output);
  EXPECT_EQ(losses, LossesIn(First(std::move(other)).output));
  EXPECT_EQ(losses.size(), 20u);
}

// --- what cannot begin ---------------------------------------------------------------------------

// Each process ends with status 1 and a line that has the text in it.
void ExpectRefused(StartedJob&& job, const std::string& text) {
  for (const Outcome& outcome : job.WaitForAll()) {
    if (outcome.status == 0 && outcome.errors.empty()) continue;  // it was left out
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.errors.starts_with("error: ")) << outcome.errors;
    EXPECT_NE(outcome.errors.find(text), std::string::npos) << text << "\n" << outcome.errors;
    EXPECT_EQ(outcome.errors.find('\n'), outcome.errors.size() - 1) << outcome.errors;
  }
}

const std::string kSoon = "--stall-timeout 2 -e 1";

TEST(TorchrunTest, AProcessThatDoesNotComeIsNamed) {
  ExpectRefused(StartedJob({kSoon, kSoon}, {{"WORLD_SIZE", "3"}}),
                "process 2 of 3 has not come to the start of the run; the others are on ");
  ExpectRefused(StartedJob({"", kSoon}), "process 0, which keeps the job's store at 127.0.0.1:");
}

TEST(TorchrunTest, ANumberBeyondTheSizeIsRefused) {
  StartedJob job({"-e 1", "-e 1"}, {{"WORLD_SIZE", "1"}});
  const std::vector<Outcome> outcomes = job.WaitForAll();
  EXPECT_EQ(outcomes[0].status, 0) << outcomes[0].errors;
  EXPECT_TRUE(outcomes[1].errors.starts_with("error: RANK is '1'; it must be"))
      << outcomes[1].errors;
}

TEST(TorchrunTest, AMachineThatDoesNotExistIsNamed) {
  ExpectRefused(StartedJob({"", kSoon}, {{"MASTER_ADDR", "nowhere.invalid"}}),
                "job's store at nowhere.invalid:");
}

TEST(TorchrunTest, CpusHaveToBeConnectedByMpi) {
  const std::string one = "--replicas 1 -e 1";
  ExpectRefused(
      StartedJob({one, one}, {{"ETA_NCCL_PATH", ""}}),
      "start them over MPI, with mpirun (Debian's package openmpi-bin) or mpiexec (mpich)");
}

// --- what ends in the middle ---------------------------------------------------------------------

// Trains until somebody ends it. All processes say "ready" when they have met many times.
constexpr const char* kTraining = R"(--output all --stall-timeout 4 -e '
  (import std.core std.io std.torch std.parallel)
  (define model (sequential (linear 4 8) (relu-layer) (linear 8 3)))
  (define optimizer (sgd model 0.01))
  (define x (ones (list 8 4)))
  (define y (ones (list 8 3)))
  (define (train i)
    (train-step! model optimizer mse-loss x y)
    (if (= i 5) (eprintln "ready"))
    (train (+ i 1)))
  (train 1)')";

constexpr std::chrono::seconds kStallTime(4);

TEST(TorchrunTest, APortIsForOneJob) {
  const std::string port = std::to_string(FreePort());
  StartedJob one({kTraining, kTraining}, {{"MASTER_PORT", port}});
  ASSERT_TRUE(one.AllSay("ready\n"));
  ExpectRefused(StartedJob({kSoon, kSoon}, {{"MASTER_PORT", port}}), ":" + port);
  one.Signal(0, SIGTERM);
  for (const Outcome& outcome : one.WaitForAll()) EXPECT_NE(outcome.status, 0);
}

struct Harm {
  const char* name;
  int signal;
  size_t process;
  const char* told;  // by the others
};

class TorchrunHarmTest : public testing::TestWithParam<Harm> {};

TEST_P(TorchrunHarmTest, TheOthersEndSoonAndNameIt) {
  const auto [name, signal, harmed, told] = GetParam();
  StartedJob job({kTraining, kTraining, kTraining});
  ASSERT_TRUE(job.AllSay("ready\n"));
  const auto begin = steady_clock::now();
  job.Signal(harmed, signal);
  for (size_t p = 0; p < 3; ++p) {
    if (p == harmed) continue;
    const Outcome outcome = job.Wait(p);
    EXPECT_LT(steady_clock::now() - begin, kStallTime);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.errors.find(told), std::string::npos) << told << "\n" << outcome.errors;
  }
}

// The first process keeps the store.
INSTANTIATE_TEST_SUITE_P(Harms, TorchrunHarmTest,
                         testing::Values(Harm{"KillFirst", SIGKILL, 0, "lost process 0 on "},
                                         Harm{"StopFirst", SIGSTOP, 0, "process 0 on "},
                                         Harm{"KillOther", SIGKILL, 1, "process 1 on "},
                                         Harm{"StopOther", SIGSTOP, 1, "process 1 on "}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace eta
