// Runs the programs below tests/faults on replicas of which one goes wrong. Each says in its first
// line how etai is to run it, and then what comes out; see tests/golden.h. However it ends, it does
// so within seconds, with one diagnostic, and leaves nothing behind. So it is on every backend;
// nccl runs over the fake one, which can go wrong by itself as well.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <tuple>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kTimeToEnd(5);

// The options behind "; etai: " in the first line.
std::string OptionsOf(const fs::path& script) {
  const std::string text = ReadWhole(script), mark = "; etai: ";
  EXPECT_TRUE(text.starts_with(mark)) << script;
  return text.substr(mark.size(), text.find('\n') - mark.size());
}

int LinesThatBeginWith(const std::string& word, const std::string& text) {
  int count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) count += line.starts_with(word);
  return count;
}

class Directory {
 public:
  Directory() : path_(fs::path(testing::TempDir()) / "faults") {
    fs::create_directories(path_);
    setenv("TMPDIR", path_.c_str(), 1);
    setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so", 1);
  }
  ~Directory() {
    EXPECT_TRUE(fs::is_empty(path_));
    fs::remove_all(path_);
  }

 private:
  const fs::path path_;  // for what etai may want to write
};

Outcome RunSoon(const std::string& arguments) {
  const Directory directory;
  const auto begin = steady_clock::now();
  const Outcome outcome = RunEtai(arguments);
  EXPECT_LT(steady_clock::now() - begin, kTimeToEnd);
  return outcome;
}

class FaultsTest : public testing::TestWithParam<std::tuple<fs::path, const char*>> {};

TEST_P(FaultsTest, EndsSoonAndSaysWhy) {
  const auto& [script, backend] = GetParam();
  const Expectation expected = ReadExpectation(script);
  const Outcome outcome =
      RunSoon(OptionsOf(script) + " --backend " + backend + " " + script.string());
  Check(expected, outcome);
  const bool fails = expected.status != 0 && !expected.errors.empty();
  EXPECT_EQ(LinesThatBeginWith("error", outcome.errors), fails ? 1 : 0) << outcome.errors;
}

INSTANTIATE_TEST_SUITE_P(Scripts, FaultsTest,
                         testing::Combine(testing::ValuesIn(ScriptsBelow("tests/faults")),
                                          testing::Values("local", "nccl")),
                         [](const auto& info) {
                           return ScriptTestName(std::get<0>(info.param)) + "_" +
                                  std::get<1>(info.param);
                         });

// --- NCCL itself fails --------------------------------------------------------------------------

Outcome TrainWithPlan(const std::string& plan, const std::string& options) {
  setenv("FAKE_NCCL_PLAN", plan.c_str(), 1);
  const Outcome outcome =
      RunSoon("--replicas 3 --backend nccl " + options + " cookbook/parallel/digits.eta");
  unsetenv("FAKE_NCCL_PLAN");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(LinesThatBeginWith("error", outcome.errors), 1) << outcome.errors;
  return outcome;
}

void ExpectPart(const std::string& part, const std::string& text) {
  EXPECT_NE(text.find(part), std::string::npos) << "expected: " << part << "\nfound: " << text;
}

TEST(NcclFaultsTest, AFailedCallIsToldInNcclsWords) {
  const Outcome outcome = TrainWithPlan("fail=1:25:2", "");
  ExpectPart("error [rank 1, digits.eta:20:19]: ", outcome.errors);
  ExpectPart("NCCL's all-reduce failed on rank 1: unhandled system error (injected)",
             outcome.errors);
}

TEST(NcclFaultsTest, ARankThatNeverArrivesIsAStall) {
  const Outcome outcome = TrainWithPlan("hang=2:25", "--stall-timeout 0.5");
  ExpectPart(" for its end; all ranks are in it", outcome.errors);
}

TEST(NcclFaultsTest, ARankThatDoesNotConnectIsAStall) {
  const Outcome outcome = TrainWithPlan("hang_start=0", "--stall-timeout 0.5");
  ExpectPart("NCCL has not connected ranks 0, 1 and 2 in time", outcome.errors);
}

TEST(NcclFaultsTest, WhatALibraryLacksIsSaidOnce) {
  setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_bare.so", 1);
  const Outcome outcome = RunEtai("--replicas 2 --backend nccl cookbook/basics/hello.eta");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.errors,
            "warning: NCCL 2.28.9 lacks ncclCommRegister (buffers are not registered), "
            "ncclCommDeregister (buffers are not registered)\n");
}

TEST(NcclFaultsTest, AnOldLibraryIsRefused) {
  const Outcome outcome = TrainWithPlan("version=21403", "");
  ExpectPart("is version 2.14.3, the oldest that serves is 2.19.0", outcome.errors);
}

}  // namespace
}  // namespace eta
