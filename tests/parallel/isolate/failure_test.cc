// However a rank ends, the others end too and soon, and what went wrong is said once.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include "parallel/isolate/isolate_group.h"
#include "parallel/isolate/natives.h"
#include "parallel/isolate/place.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"
#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

// (sum x): a collective other than a barrier.
Value Sum(Vm& vm, Args args) {
  double x = args[0].AsDouble();
  Communicator& comm = RankContext::Of(vm)->member.communicator();
  const Status status = comm.AllReduce({&x, 1}, ReduceOp::kSum, PlaceText(vm)).status();
  return status.ok() ? Value::Double(x) : FailWith(vm, "sum", status);
}

// (hang): deaf to interrupts, as a long kernel is.
Value Hang(Vm&, Args) {
  std::this_thread::sleep_for(60s);
  return Value::Nil();
}

// (blame r): an error that the rank r caused.
Value BlameRank(Vm& vm, Args args) {
  return FailBecauseOf(vm, static_cast<int>(args[0].AsInt()), "runtime.test", "it was not me");
}

constexpr NativeDef kNatives[] = {
    {"sum", Sum, 1, 1, ""}, {"hang", Hang, 0, 0, ""}, {"blame", BlameRank, 1, 1, ""}};

GroupRun RunScript(const std::string& script, int size = 3,
                   std::chrono::nanoseconds stall_timeout = 20s) {
  GroupOptions options;
  options.size = size;
  options.stall_timeout = stall_timeout;
  options.last_words = 300ms;
  options.prepare = [](Vm& vm, int) { vm.DefineNatives(kNatives); };
  return RunGroup(std::move(options),
                  "(import std.core) (import std.io) (import std.parallel)\n" + script);
}

// Of one diagnostic.
void ExpectOneFailure(const GroupRun& run) {
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(run.diagnostic.starts_with("error")) << run.diagnostic;
  EXPECT_EQ(run.diagnostic.find("\nerror"), std::string::npos) << run.diagnostic;
  EXPECT_EQ(run.notes, "");
  EXPECT_LT(run.time, 5s);
}

TEST(FailureTest, AnErrorOnOneRankIsReportedOnceWithItsPlace) {
  const GroupRun run = RunScript(R"(
(define (train i)
  (if (and (= (rank) 1) (= i 3)) (car i))
  (barrier)
  (if (< i 1000) (train (+ i 1))))
(train 0))");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:4:")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "\n    (if (and (= (rank) 1) (= i 3)) (car i))\n"));
  EXPECT_EQ(run.diagnostic.find("rank 0"), std::string::npos) << run.diagnostic;
  EXPECT_EQ(std::count(run.diagnostic.begin(), run.diagnostic.end(), '\n'), 3);
  EXPECT_EQ(run.notes, "");
  EXPECT_LT(run.time, 2s);
}

TEST(FailureTest, AnErrorStopsRanksThatOnlyCompute) {
  const GroupRun run = RunScript(R"(
(define (spin) (spin))
(if (= (rank) 2) (error "boom" 42))
(spin))");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 2, script.eta:4:")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "boom 42"));
}

TEST(FailureTest, AnUnhandledRaiseIsAnError) {
  const GroupRun run = RunScript("(if (= (rank) 1) (raise 'my-tag 5))\n(barrier)");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:2:")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "my-tag"));
}

TEST(FailureTest, WhoeverEndsFirstTheRankAtFaultSpeaks) {
  const GroupRun run = RunScript(R"(
(define (spin n) (if (> n 0) (spin (- n 1))))
(barrier)
(if (= (rank) 1) (begin (spin 10000)
                        (blame 1)))
(blame 1))");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:6:25]: it was not me"))
      << run.diagnostic;
}

TEST(FailureTest, AnErrorAfterOneThatWasCaughtIsTheRanksOwn) {
  const GroupRun run = RunScript(R"(
(barrier)
(catch 'runtime.error (blame 1))
(if (= (rank) 2) (car 5))
(barrier))");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 2, script.eta:5:18]: ")) << run.diagnostic;
}

TEST(FailureTest, OutputBeforeTheErrorIsKept) {
  const GroupRun run = RunScript("(println 'before) (barrier) (if (= (rank) 1) (error \"x\"))");
  EXPECT_EQ(run.output, "before\n");
  EXPECT_EQ(run.exit_code, 1);
}

TEST(FailureTest, AnErrorBeforeTheProgramRunsIsNoRanks) {
  const GroupRun run = RunScript("(println undefined-name)");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [script.eta:2:")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "undefined-name"));
  EXPECT_EQ(run.output, "");
}

TEST(FailureTest, AnExitWhileOthersWaitNamesTheExitForm) {
  const GroupRun run = RunScript(R"(
(define (leave)
  (exit 0))
(if (= (rank) 1) (leave))
(barrier))");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:4:3]: rank 1 exited with 0 "))
      << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "in barrier at script.eta:6:1"));
}

TEST(FailureTest, DifferentExitCodesAreAFailure) {
  const GroupRun run = RunScript("(if (= (rank) 1) (exit 3))");
  ExpectOneFailure(run);
  EXPECT_TRUE(Contains(run.diagnostic, "rank 1"));
  EXPECT_TRUE(Contains(run.diagnostic, "script.eta:2:"));
}

TEST(FailureTest, AnEarlyReturnWhileOthersWaitIsAFailure) {
  const GroupRun run = RunScript(R"(
(barrier)
(if (not (= (rank) 1))
    (barrier)))");
  ExpectOneFailure(run);
  EXPECT_TRUE(Contains(run.diagnostic, "rank 1 returned, last seen at script.eta:3:1"));
  EXPECT_TRUE(Contains(run.diagnostic, "barrier at script.eta:5:5"));
}

TEST(FailureTest, AnEndlessLoopIsAStall) {
  const GroupRun run = RunScript(R"(
(define (spin)
  (spin))
(if (= (rank) 1) (spin))
(barrier))",
                                 3, 300ms);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:4:3]: ")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "in barrier at script.eta:6:1 for rank 1"));
  EXPECT_TRUE(Contains(run.notes, "warning: "));
  EXPECT_LT(run.time, 2s);
}

TEST(FailureTest, AnExtraCollectiveOnOneRankNamesBothCalls) {
  const GroupRun run = RunScript(R"(
(if (= (rank) 1)
    (sum 1.0))
(barrier))");
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error [rank 1, script.eta:4:5]: ")) << run.diagnostic;
  EXPECT_TRUE(Contains(run.diagnostic, "barrier at script.eta:5:1"));
  EXPECT_TRUE(Contains(run.diagnostic, "all-reduce of 1 float64 at script.eta:4:5"));
}

// Also where the program caught the error, and ended by itself at another place.
TEST(FailureTest, ADesyncThatWasCaughtIsReportedWithThePlaceOfTheCollective) {
  for (const char* end : {"5", "(exit 0)", "(define (spin) (spin)) (spin)"}) {
    const GroupRun run = RunScript(R"(
(if (= (rank) 1)
    (catch 'runtime.desync (barrier))
    (sum 1.0))
)" + std::string(end));
    ExpectOneFailure(run);
    EXPECT_TRUE(
        run.diagnostic.starts_with("error [rank 1, script.eta:4:28]: ranks 0 and 2 are in "))
        << run.diagnostic;
  }
}

TEST(FailureTest, TwoRanksThatDisagreeAreBothNamed) {
  const GroupRun run = RunScript("(if (= (rank) 1)\n    (sum 1.0)\n    (barrier))", 2);
  ExpectOneFailure(run);
  EXPECT_TRUE(run.diagnostic.starts_with("error: rank 0 is in barrier at script.eta:4:5, rank 1"))
      << run.diagnostic;
}

TEST(FailureTest, ProgramsMayCatchWhatTheCollectivesSay) {
  const GroupRun run = RunScript(R"(
(barrier)
(if (= (rank) 1) (error "boom"))
(println (cadr (catch 'runtime.peer-failed (barrier))))
(println (cadr (catch 'runtime.error (barrier)))))");
  EXPECT_EQ(run.exit_code, 1) << "the training did fail";
  EXPECT_EQ(run.output, "runtime.peer-failed\nruntime.peer-failed\n");
  EXPECT_TRUE(Contains(run.diagnostic, "boom"));
}

TEST(FailureTest, AProgramThatIgnoresTheEndOfTheWorldIsStopped) {
  const GroupRun run = RunScript(R"(
(if (= (rank) 1) (error "boom"))
(define (again) (catch 'runtime.error (barrier)) (again))
(again))");
  ExpectOneFailure(run);
  EXPECT_TRUE(Contains(run.diagnostic, "boom"));
}

TEST(FailureTest, AWorldThatCannotBeMadeIsAnError) {
  const GroupRun run = RunScript("(barrier)", 2, 0s);
  ExpectOneFailure(run);
  EXPECT_TRUE(Contains(run.diagnostic, "stall timeout"));
}

// A rank that no interrupt reaches ends the process.
class UnresponsiveTest : public testing::Test {
 protected:
  static void RunToDeath(const std::string& script) {
    GroupOptions options;
    options.size = 3;
    options.last_words = options.abort_deadline = 200ms;
    options.prepare = [](Vm& vm, int) {
      InstallParallelNatives(vm);
      vm.DefineNatives(kNatives);
    };
    SharedStreams streams(stdout, stderr, 0);
    const auto outcome = IsolateGroup(std::move(options), streams).Run([&](Vm& vm) {
      return vm.RunText("(import std.parallel) (import std.time)\n" + script, "script.eta");
    });
    std::cerr << "ended in time: " << outcome.diagnostic;
    std::exit(0);
  }

  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(UnresponsiveTest, ARankThatHangsEndsTheProcess) {
  const std::string script = R"(
(barrier)
(if (= (rank) 1)
    (begin (time:sleep-ms 100) (error "boom"))
    (hang)))";
  EXPECT_EXIT(RunToDeath(script), testing::ExitedWithCode(1),
              "^error \\[rank 1, script.eta:5:32\\]: boom\n.*\n.*\n"
              "ranks 0 and 2 did not stop in time");
}

TEST_F(UnresponsiveTest, SoDoesOneThatHangsAfterItWasTold) {
  const std::string script = R"(
(barrier)
(if (= (rank) 1) (error "boom"))
(catch 'runtime.error (barrier))
(if (= (rank) 2) (hang)))";
  EXPECT_EXIT(RunToDeath(script), testing::ExitedWithCode(1),
              "^error \\[rank 1, script.eta:4:18\\]: boom\n.*\n.*\nrank 2 did not stop in time");
}

TEST_F(UnresponsiveTest, LinesThatWereBegunAreCompleted) {
  const std::string script = R"(
(display "partial of " (current-error-port))
(display (rank) (current-error-port))
(barrier)
(if (= (rank) 1)
    (error "boom")
    (hang)))";
  for (const char* line : {"partial of 0\n", "partial of 1\n", "partial of 2\n"}) {
    EXPECT_EXIT(RunToDeath(script), testing::ExitedWithCode(1), line);
  }
}

TEST_F(UnresponsiveTest, FilesThatAreOpenAreWrittenFirst) {
  const std::string path = testing::TempDir() + "open_at_the_end.txt";
  const std::string script = "(define path \"" + path + R"(")
(if (= (rank) 0) (display "kept" (open-output-file path)))
(barrier)
(if (= (rank) 1)
    (error "boom")
    (hang)))";
  EXPECT_EXIT(RunToDeath(script), testing::ExitedWithCode(1), "did not stop in time");
  std::ifstream file(path);
  std::string text;
  EXPECT_TRUE(std::getline(file, text));
  EXPECT_EQ(text, "kept");
}

}  // namespace
}  // namespace eta::parallel
