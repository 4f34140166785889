// Trainings whose processes are killed or stopped, and that go on from their last checkpoint, in as
// many processes and replicas as it happens, end where one ends that nobody has disturbed.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/golden.h"
#include "tests/started_job.h"
#include "tests/support/temporary_folder.h"

namespace eta {
namespace {

constexpr int kMostSteps = 50;  // until somebody is harmed
constexpr std::chrono::seconds kStallTime(4);

int FromEnvironment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

class RestartTest : public testing::Test {
 protected:
  std::string Training(const std::string& checkpoint) const {
    return "tests/cluster/restartable.eta " + std::to_string(steps_) + ' ' +
           folder_.Path(checkpoint);
  }
  int Below(int end) { return std::uniform_int_distribution(0, end - 1)(random_); }

  // One to three processes, of one or two replicas each.
  std::vector<std::string> Arguments() {
    std::vector<std::string> processes(static_cast<size_t>(1 + Below(3)));
    for (std::string& arguments : processes) {
      arguments = "--output all --stall-timeout 4 --replicas " + std::to_string(1 + Below(2)) +
                  ' ' + Training("run");
    }
    return processes;
  }

  // Kills or stops one of the processes; the others end by themselves.
  void HarmOneOnTheWay() {
    const std::vector<std::string> arguments = Arguments();
    const size_t harmed = static_cast<size_t>(Below(static_cast<int>(arguments.size())));
    const std::string step = std::to_string(1 + Below(kMostSteps));
    const int signal = Below(2) == 0 ? SIGKILL : SIGSTOP;
    SCOPED_TRACE("process " + std::to_string(harmed) + " of " + std::to_string(arguments.size()) +
                 " gets signal " + std::to_string(signal) + " after step " + step);
    StartedJob job(arguments);
    ASSERT_TRUE(job.AllSay("(done " + step + ")\n"));
    const auto begin = std::chrono::steady_clock::now();
    job.Signal(harmed, signal);
    for (size_t p = 0; p < arguments.size(); ++p) {
      if (p == harmed) continue;
      const Outcome outcome = job.Wait(p);
      EXPECT_EQ(outcome.status, 1) << outcome.errors;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kStallTime);
    job.Signal(harmed, SIGKILL);
    EXPECT_EQ(job.Wait(harmed).status, -SIGKILL);
  }

  const int harms_ = FromEnvironment("ETA_RESTARTS", 6);
  const int seed_ = FromEnvironment("ETA_RESTART_SEED", 1);
  // Those that are harmed late have done more than they were to do.
  const int steps_ = 2 * kMostSteps * (harms_ + 1);
  std::mt19937 random_{static_cast<unsigned>(seed_)};
  const TemporaryFolder folder_;
};

TEST_F(RestartTest, TrainingEndsWhereItWouldHaveEnded) {
  SCOPED_TRACE("ETA_RESTART_SEED=" + std::to_string(seed_));
  const std::vector<double> undisturbed = LossesIn(RunEtai(Training("alone")).output);
  ASSERT_EQ(undisturbed.size(), 1u);
  for (int i = 0; i < harms_ && !HasFatalFailure(); ++i) HarmOneOnTheWay();
  StartedJob job(Arguments());
  const std::vector<Outcome> outcomes = job.WaitForAll();
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.status, 0) << outcome.errors;
  const std::vector<double> losses = LossesIn(outcomes[0].output);
  ASSERT_FALSE(losses.empty()) << outcomes[0].errors;
  EXPECT_LE(std::abs(losses[0] - undisturbed[0]), 1e-9 * undisturbed[0]);
}

}  // namespace
}  // namespace eta
