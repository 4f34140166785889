#include "parallel/isolate/interruption.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "parallel/isolate/insight.h"
#include "parallel/isolate/natives.h"
#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

constexpr const char* kImports =
    "(import std.core) (import std.io) (import std.time) (import std.parallel)\n";

// (interrupt): as if the process got SIGTERM.
Interruption* asked = nullptr;
Value Interrupt(Vm&, Args) {
  asked->AskToEnd(SIGTERM);
  return Value::Nil();
}
constexpr NativeDef kNatives[] = {{"interrupt", Interrupt, 0, 0, ""}};

// A program on two replicas.
class InterruptedGroupTest : public testing::Test {
 protected:
  InterruptedGroupTest() { asked = &interruption_; }

  GroupRun Run(const std::string& script) {
    GroupOptions options;
    options.size = 2;
    options.interruption = &interruption_;
    options.prepare = [](Vm& vm, int) { vm.DefineNatives(kNatives); };
    return RunGroup(std::move(options), kImports + script);
  }

  Interruption interruption_;
};

TEST_F(InterruptedGroupTest, AProgramThatDoesNotTrainEndsWhereItIs) {
  const GroupRun run = Run("(interrupt) (define (spin) (spin)) (spin)");
  EXPECT_EQ(run.exit_code, 143);
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_LT(run.time, 5s);
}

TEST_F(InterruptedGroupTest, AProgramThatSleepsEndsToo) {
  EXPECT_EQ(Run("(interrupt) (time:sleep-ms 60000)").exit_code, 143);
}

TEST_F(InterruptedGroupTest, RankZeroHasALastActAndTimeForIt) {
  const GroupRun run = Run(R"(
    (on-interrupt (lambda () (time:sleep-ms 2500) (println (list "saved by" (rank)))))
    (define (spin) (spin))
    (if (= (rank) 0) (begin (interrupt) (barrier)) (spin)))");
  EXPECT_EQ(run.exit_code, 143);
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_EQ(run.output, "(saved by 0)\n");
}

TEST_F(InterruptedGroupTest, AnExitInTheLastActGivesTheStatus) {
  for (const char* wait : {"(spin)", "(let loop () (barrier) (loop))"}) {
    const GroupRun run = Run(std::string(R"(
      (on-interrupt (lambda () (exit 7)))
      (define (spin) (spin))
      (if (= (rank) 0) (interrupt)))") +
                             wait);
    EXPECT_EQ(run.exit_code, 7) << wait;
    EXPECT_EQ(run.diagnostic, "");
  }
}

TEST_F(InterruptedGroupTest, AnErrorInTheLastActIsReported) {
  const GroupRun run = Run(R"(
    (on-interrupt (lambda () (car 1)))
    (if (= (rank) 0) (interrupt))
    (define (spin) (spin))
    (spin))");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Contains(run.diagnostic, "car: not a pair"));
}

TEST_F(InterruptedGroupTest, AProgramThatEndsByItselfDoesSo) {
  const GroupRun run = Run("(on-interrupt (lambda () (println 1))) (interrupt) (exit 3)");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.output, "");
}

TEST_F(InterruptedGroupTest, AReportIsShownWhileTheProgramRuns) {
  interruption_.AskForReport();
  const GroupRun run = Run("(time:sleep-ms 200)");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(Contains(run.notes, "slowest first"));
  EXPECT_FALSE(interruption_.TakeReportRequest());
}

// What a program that runs alone does when this process gets `signal`: its exit code, or -1.
class AloneTest : public testing::Test {
 protected:
  AloneTest() {
    InstallParallelNatives(vm_);
    Insight::Attach(vm_, journal_, 0, &interruption_);
    vm_.SetInterruptHook(HeedSignals);
  }

  int RunAndSend(int signal, const std::string& script) {
    const SignalHandlers handlers(interruption_, vm_, journal_->log(0));
    std::thread sender([signal] {
      std::this_thread::sleep_for(50ms);
      kill(getpid(), signal);
    });
    const bool finished = RunLastAct(vm_, vm_.RunText(kImports + script, "script.eta"));
    sender.join();
    if (finished) return 0;
    return vm_.pending().kind == Vm::Pending::Kind::kExit ? vm_.pending().status : -1;
  }

  const std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(1);
  Interruption interruption_;
  Vm vm_{{}};
};

TEST_F(AloneTest, ASignalEndsALoop) {
  EXPECT_EQ(RunAndSend(SIGTERM, "(define (spin) (spin)) (spin)"), 143);
}

TEST_F(AloneTest, TheLastActIsNotInterrupted) {
  EXPECT_EQ(RunAndSend(SIGINT, R"(
    (define done #f)
    (on-interrupt (lambda () (time:sleep-ms 100) (set! done #t) (exit (if done 4 5))))
    (define (spin) (spin))
    (spin))"),
            4);
}

TEST_F(AloneTest, AStepIsFinishedFirst) {
  const PhaseScope step(&journal_->log(0), Phase::kForward);
  EXPECT_EQ(RunAndSend(SIGINT, "(time:sleep-ms 200)"), 0);
  EXPECT_EQ(interruption_.signal(), SIGINT);
}

TEST_F(AloneTest, AReportDoesNotEndTheProgram) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunAndSend(SIGUSR1, "(time:sleep-ms 200)"), 0);
  EXPECT_TRUE(Contains(testing::internal::GetCapturedStderr(), "overlap"));
}

// In a process of its own.
using SignalDeathTest = AloneTest;

TEST_F(SignalDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        const SignalHandlers handlers(interruption_);
        raise(SIGTERM);
        raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST_F(SignalDeathTest, AProgramThatDoesNotComeByIsEnded) {
  EXPECT_EXIT(
      {
        const SignalHandlers handlers(interruption_, vm_, journal_->log(0));
        raise(SIGINT);
        std::this_thread::sleep_for(30s);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace eta::parallel
