// std.parallel in a program that runs alone and has no tensors.
#include "parallel/isolate/natives.h"

#include <gtest/gtest.h>

#include <string>

#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

// Runs `forms` behind the import of std.parallel; the error, or "" if there was none.
std::string RunForms(const std::string& forms) {
  Vm vm({});
  InstallParallelNatives(vm);
  const bool ran = vm.RunText("(import std.core) (import std.parallel)\n" + forms, "script.eta");
  return ran ? "" : RenderFailure(vm, {});
}

// The error if `form` is not equal? to `value`.
std::string Check(const std::string& form, const std::string& value) {
  return RunForms("(if (not (equal? " + form + " " + value + ")) (error \"it is\" " + form + "))");
}

TEST(NativesTest, AProgramAloneIsRankZeroOfOne) {
  EXPECT_EQ(Check("(list (rank) (world-size) (primary?))", "'(0 1 #t)"), "");
  EXPECT_EQ(Check("(barrier)", "'()"), "");
}

TEST(NativesTest, AllRowsAreItsOwn) {
  EXPECT_EQ(Check("(shard-range 10)", "'(0 10)"), "");
  EXPECT_EQ(Check("(shard-range 0)", "'(0 0)"), "");
  EXPECT_EQ(Check("(shard-range 4611686018427387904)", "'(0 4611686018427387904)"), "");
}

TEST(NativesTest, AShardRangeNeedsACount) {
  const std::string message = "shard-range: expected a count of rows, an integer of at least 0";
  for (const char* wrong : {"-1", "2.0", "'a", "\"10\""}) {
    const std::string error = RunForms("(shard-range " + std::string(wrong) + ")");
    EXPECT_EQ(error.find(message), std::string("error [script.eta:2:1]: ").size()) << error;
  }
}

TEST(NativesTest, WithStallTimeoutRunsItsThunk) {
  EXPECT_EQ(Check("(with-stall-timeout 5 (lambda () 7))", "7"), "");
  for (const char* wrong : {"0", "-1", "'a", "2e9"}) {
    const std::string error =
        RunForms("(with-stall-timeout " + std::string(wrong) + " (lambda () 7))");
    EXPECT_NE(error.find("with-stall-timeout: expected a positive number of seconds"),
              std::string::npos)
        << error;
  }
}

TEST(NativesTest, ImportingStdParallelLoadsNoTensors) {
  Vm vm({});
  InstallParallelNatives(vm);
  int loads = 0;
  const std::string_view names[] = {"parallel/shard"};
  vm.SetExtension(
      [&](Vm&) -> Expected<Ok, std::string> {
        ++loads;
        return Unexpected(std::string("out of reach"));
      },
      {names, names + 1});
  EXPECT_TRUE(vm.RunText("(import std.parallel) (shard-range (world-size))", "script.eta"));
  EXPECT_EQ(loads, 0);
  EXPECT_FALSE(vm.RunText("(import std.parallel)\n(shard 5)", "other.eta"));
  EXPECT_EQ(loads, 1);
  const std::string error = RenderFailure(vm, {});
  EXPECT_EQ(error.find("error [other.eta:2:1]: parallel/shard: out of reach\n"), 0u) << error;
}

}  // namespace
}  // namespace eta::parallel
