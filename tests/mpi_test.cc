// etai as several processes that mpirun has started: they train what one process would, and end as
// one would when something goes wrong, whichever MPI it is.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

// Launching takes most of a second, and three processes share what cores there are.
constexpr std::chrono::seconds kTimeToEnd(15);

struct Launcher {
  const char* name;
  const char* command;
};

// A short TMPDIR: Open MPI puts sockets there, whose paths must not be long.
constexpr Launcher kLaunchers[] = {
    {"OpenMpi",
     "env TMPDIR=/tmp mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none"},
    {"Mpich", "mpiexec.mpich"}};

std::string NameOf(const testing::TestParamInfo<Launcher>& info) { return info.param.name; }

std::string Etai(int processes, const std::string& options) {
  return " -n " + std::to_string(processes) + " ./etai " + options;
}

class MpiTest : public testing::TestWithParam<Launcher> {
 protected:
  static Outcome Launch(const std::string& processes) {
    return RunCommand(GetParam().command + processes);
  }
};

constexpr const char* kDigits = "cookbook/parallel/digits.eta";

TEST_P(MpiTest, TrainsWhatOneProcessTrains) {
  const std::vector<double> alone = LossesIn(RunEtai(kDigits).output);
  ASSERT_EQ(alone.size(), 20u);
  const std::string digits = kDigits;
  for (const std::string& processes :
       {Etai(2, "--replicas 2 " + digits), Etai(4, digits),
        Etai(1, digits) + " :" + Etai(1, "--replicas 3 " + digits)}) {
    const Outcome outcome = Launch(processes);
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    const std::vector<double> losses = LossesIn(outcome.output);
    ASSERT_EQ(losses.size(), alone.size()) << processes << outcome.output << outcome.errors;
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_LE(std::abs(losses[i] - alone[i]), 1e-9 * alone[i]) << processes;
    }
  }
}

TEST_P(MpiTest, DeterministicTrainingIsTheSameToTheBit) {
  const auto alone = LossesIn(RunEtai(std::string("--deterministic ") + kDigits).output);
  const Outcome outcome = Launch(Etai(2, std::string("--deterministic --replicas 2 ") + kDigits));
  EXPECT_EQ(LossesIn(outcome.output), alone) << outcome.errors;
}

TEST_P(MpiTest, AProcessOfItsOwnIsAsIfNobodyHadLaunchedIt) {
  const Outcome outcome =
      Launch(Etai(1, "-e '(import std.io std.parallel) (display (world-size))'"));
  EXPECT_EQ(outcome.output, "1") << outcome.errors;
}

TEST_P(MpiTest, ValuesGoToOtherProcesses) {
  const Outcome outcome = Launch(Etai(3, R"(-e '(import std.core std.io std.parallel)
    (println (all-gather-value (list (rank) "text" (quote (a #(1.5))))))
    (println (broadcast-value (* 10 (rank)) 2))')"));
  EXPECT_EQ(outcome.output, "((0 text (a #(1.5))) (1 text (a #(1.5))) (2 text (a #(1.5))))\n20\n")
      << outcome.errors;
}

TEST_P(MpiTest, EachProcessReadsAFileOfItsOwn) {
  const Outcome outcome = Launch(Etai(3, R"(-e '(import std.io std.torch std.tensor std.data)
    (println (to-list (dataset-targets
      (load-csv-shards "tests/eta/data/files/part{rank}.csv"))))')"));
  EXPECT_EQ(outcome.output, "(0.0 1.0 2.0 3.0 4.0 5.0)\n") << outcome.errors;
}

TEST_P(MpiTest, ProceduresDoNotGoToOtherProcesses) {
  const Outcome outcome = Launch(Etai(2, R"(-e '(import std.core std.parallel)
    (define x 1)
    (broadcast-value (lambda () x))')"));
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.errors.find("cannot send a procedure to another process"), std::string::npos)
      << outcome.errors;
}

TEST_P(MpiTest, ProcessesThatWereNotStartedAlikeAreRefused) {
  const std::string digits = kDigits;
  const Outcome outcome =
      Launch(Etai(1, "--dtype float64 " + digits) + " :" + Etai(1, "--dtype float32 " + digits));
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.errors.find("the processes were not started alike"), std::string::npos)
      << outcome.errors;
  EXPECT_NE(outcome.errors.find("has --dtype float32"), std::string::npos) << outcome.errors;
}

TEST_P(MpiTest, TwoJobsAtOnceDoNotMeet) {
  const std::string job = Etai(2, kDigits);
  Outcome other;
  std::thread beside([&] { other = Launch(job); });
  const Outcome one = Launch(job);
  beside.join();
  EXPECT_EQ(one.status, 0) << one.errors;
  EXPECT_EQ(other.status, 0) << other.errors;
  EXPECT_EQ(LossesIn(one.output), LossesIn(other.output));
  EXPECT_EQ(LossesIn(one.output).size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Launchers, MpiTest, testing::ValuesIn(kLaunchers), NameOf);

TEST(MpiLauncherTest, AnUnknownMpiIsAnError) {
  const Outcome outcome = RunCommand("env ETA_LAUNCHER=lam ./etai -e 1");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.errors,
            "error: ETA_LAUNCHER is 'lam'; it may be openmpi, mpich, torchrun or off\n");
}

TEST(MpiLauncherTest, OffMeansThatEachProcessIsOnItsOwn) {
  const Outcome outcome =
      RunCommand(std::string("env ETA_LAUNCHER=off ") + (kLaunchers[1].command) +
                 Etai(2, "-e '(import std.io std.parallel) (println (world-size))'"));
  EXPECT_EQ(outcome.output, "1\n1\n") << outcome.errors;
}

// --- one of the replicas goes wrong --------------------------------------------------------------

// The programs of tests/faults, with each replica in a process of its own.
class MpiFaultsTest : public testing::TestWithParam<fs::path> {};

// Splits what the first line says into the number of replicas and the other options.
std::pair<int, std::string> OptionsOf(const fs::path& script) {
  std::istringstream words(ReadWhole(script));
  std::string word, others;
  int replicas = 1;
  words >> word >> word;  // "; etai:"
  std::string line;
  std::getline(words, line);
  std::istringstream options(line);
  while (options >> word) {
    if (word == "--replicas") {
      options >> replicas;
    } else {
      others += word + ' ';
    }
  }
  return {replicas, others};
}

std::string SortedLines(const std::string& text) {
  std::istringstream stream(text);
  std::multiset<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.insert(line + '\n');
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

TEST_P(MpiFaultsTest, EndsSoonAndSaysWhy) {
  const Expectation expected = ReadExpectation(GetParam());
  const auto [replicas, options] = OptionsOf(GetParam());
  const auto begin = steady_clock::now();
  const Outcome outcome = RunCommand(
      kLaunchers[0].command + Etai(replicas, "--replicas 1 " + options + GetParam().string()));
  EXPECT_LT(steady_clock::now() - begin, kTimeToEnd);
  EXPECT_EQ(outcome.status, expected.status) << outcome.errors;
  // mpirun passes on what each process writes in any order.
  const bool all_write = options.find("--output all") != std::string::npos;
  EXPECT_EQ(all_write ? SortedLines(outcome.output) : outcome.output, expected.output);
  for (const std::string& error : expected.errors) {
    if (error.starts_with("slowest first")) continue;  // each process knows of its own ranks only
    EXPECT_NE(outcome.errors.find(error), std::string::npos) << error << "\n" << outcome.errors;
  }
}

// All but those about dropping a replica, which is for those of one process.
std::vector<fs::path> FaultyScripts() {
  std::vector<fs::path> scripts = ScriptsBelow("tests/faults");
  std::erase_if(scripts, [](const fs::path& script) {
    return OptionsOf(script).second.find("shrink") != std::string::npos;
  });
  return scripts;
}

INSTANTIATE_TEST_SUITE_P(Scripts, MpiFaultsTest, testing::ValuesIn(FaultyScripts()),
                         [](const auto& info) { return ScriptTestName(info.param); });

}  // namespace
}  // namespace eta
