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

// What happens in the fake NCCL (tests/fakes/nccl_plan.h), and what is said of it. The program's
// first calls share out the initial parameters; then each step is one call.
struct NcclFault {
  const char* name;
  const char* plan;
  const char* message;
};

constexpr NcclFault kNcclFaults[] = {
    {"CudaErrorInAStep", "fail=1:25:1",
     "error [rank 1, digits.eta:20:19]: NCCL's all-reduce failed on rank 1: "
     "unhandled cuda error (injected)"},
    {"SystemErrorInAStep", "fail=1:25:2",
     "error [rank 1, digits.eta:20:19]: NCCL's all-reduce failed on rank 1: "
     "unhandled system error (injected)"},
    {"InternalErrorInAStep", "fail=0:26:3",
     "NCCL's all-reduce failed on rank 0: internal error (injected)"},
    {"InvalidArgumentInAStep", "fail=2:27:4",
     "NCCL's all-reduce failed on rank 2: invalid argument (injected)"},
    {"InvalidUsageInAStep", "fail=2:28:5",
     "NCCL's all-reduce failed on rank 2: invalid usage (injected)"},
    {"RemoteErrorInAStep", "fail=2:29:6",
     "NCCL's all-reduce failed on rank 2: remote process exited or there was a network error"},
    {"ErrorInTheFirstCall", "fail=2:0:2", "failed on rank 2: unhandled system error (injected)"},
    {"ErrorsOfTwoRanks", "fail=0:25:2 fail=1:25:3", "NCCL's all-reduce failed on rank "},
    // On the CPU a rank is in NCCL's call until it ends, and learns of no error before.
    {"ErrorAfterTheCallWasAccepted", "async=1:25:6", " for its end; all ranks are in it"},
    {"SlowRanksAndAnError", "delay=0:300 delay=2:900 fail=1:40:2",
     "NCCL's all-reduce failed on rank 1: unhandled system error (injected)"},
    {"ARankThatNeverArrives", "hang=2:25", " for its end; all ranks are in it"},
    {"ARankThatNeverArrivesAtTheFirstCall", "hang=1:0", " for its end; all ranks are in it"},
    {"ARankThatDoesNotConnect", "hang_start=0", "NCCL has not connected ranks 0, 1 and 2 in time"},
    {"ARankThatCannotConnect", "fail_start=1:2", "unhandled system error (injected)"},
    {"AnOldLibrary", "version=21403", "is version 2.14.3, the oldest that serves is 2.19.0"},
};

class NcclPlansTest : public testing::TestWithParam<NcclFault> {};

TEST_P(NcclPlansTest, EndsSoonAndSaysWhy) {
  const std::string plan = GetParam().plan;
  const std::string stall_soon =
      plan.starts_with("hang") || plan.starts_with("async") ? "--stall-timeout 0.5 " : "";
  setenv("FAKE_NCCL_PLAN", plan.c_str(), 1);
  const Outcome outcome =
      RunSoon("--replicas 3 --backend nccl " + stall_soon + "cookbook/parallel/digits.eta");
  unsetenv("FAKE_NCCL_PLAN");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(LinesThatBeginWith("error", outcome.errors), 1) << outcome.errors;
  EXPECT_NE(outcome.errors.find(GetParam().message), std::string::npos) << outcome.errors;
}

INSTANTIATE_TEST_SUITE_P(Plans, NcclPlansTest, testing::ValuesIn(kNcclFaults),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(NcclLibraryTest, WhatItLacksIsSaidOnce) {
  setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_bare.so", 1);
  const Outcome outcome = RunEtai("--replicas 2 --backend nccl cookbook/basics/hello.eta");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.errors,
            "warning: NCCL 2.28.9 lacks ncclCommRegister (buffers are not registered), "
            "ncclCommDeregister (buffers are not registered)\n");
}

}  // namespace
}  // namespace eta
