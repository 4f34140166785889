// Signals to a running etai: training ends at the end of a step, the same on all replicas.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

// Trains until somebody ends it. Says "ready" on stderr when it has begun, and prints last how many
// steps all replicas have done.
constexpr const char* kTraining = R"(
(import std.core std.io std.torch std.parallel)
(define model (sequential (linear 4 8) (relu-layer) (linear 8 3)))
(define optimizer (sgd model 0.01))
(define x (ones '(8 4)))
(define y (ones '(8 3)))
(on-interrupt (lambda ()
  (println (map (lambda (stats) (hash-map-ref stats 'steps)) (parallel-stats)))))
(define (train i)
  (train-step! model optimizer mse-loss (shard x) (shard y))
  (if (= i 5) (eprintln "ready"))
  (train (+ i 1)))
(train 1)
)";

// Steps in which the replicas never meet.
constexpr const char* kGathering = R"(
(import std.core std.io std.torch std.parallel)
(define model (linear 4 3))
(define optimizer (sgd model 0.01))
(define (gather i)
  (train-step! model optimizer mse-loss (ones '(8 4)) (ones '(8 3)))
  (if (= i 5) (eprintln "ready"))
  (gather (+ i 1)))
(no-sync (lambda () (gather 1)))
)";

// Trains until somebody ends it, and then saves a checkpoint; or, if there is one or a second
// argument says so, trains on for so many steps in all. Prints how many there have been, then the
// parameters.
constexpr const char* kSaving = R"(
(import std.core std.io std.hashmap std.torch std.optim std.parallel std.os)
(define path (car (command-line-arguments)))
(define more (map string->number (cdr (command-line-arguments))))
(manual-seed 1)
(define model (sequential (linear 4 8) (dropout 0.5) (linear 8 3)))
(define optimizer (adam model 0.01))
(define x (randn '(12 4)))
(define y (randn '(12 3)))
(define before
  (if (file-exists? path)
      (hash-map-ref (load-checkpoint path 'model model 'optimizer optimizer) 'steps)
      0))
(define (steps) (+ before (hash-map-ref (list-ref (parallel-stats) (rank)) 'steps)))
(on-interrupt (lambda ()
  (save-checkpoint path 'model model 'optimizer optimizer 'steps (steps))
  (println (steps))))
(define (train i)
  (train-step! model optimizer mse-loss (shard x) (shard y))
  (if (= i 5) (eprintln "ready"))
  (unless (member (steps) more) (train (+ i 1))))
(train 1)
(println (map to-list (parameters model)))
)";

// The same on replicas that the program starts itself, and waits for.
constexpr const char* kTrainingInside = R"(
(import std.core std.io std.torch std.parallel)
(define model (sequential (linear 4 8) (relu-layer) (linear 8 3)))
(define x (ones '(8 4)))
(define y (ones '(8 3)))
(on-interrupt (lambda () (println "last act")))
(define (work)
  (define optimizer (sgd model 0.01))
  (let train ((i 1))
    (train-step! model optimizer mse-loss (shard x) (shard y))
    (if (= i 5) (eprintln "ready"))
    (train (+ i 1))))
(with-replicas 2 work)
)";

struct Run {
  int replicas;
  const char* backend;
};

class SignalsTest : public testing::TestWithParam<Run> {
 protected:
  SignalsTest() : folder_(testing::TempDir()) {
    setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so", 1);
    Write(kTraining);
  }
  void Write(const char* program) { std::ofstream(folder_ / "train.eta") << program; }
  std::string Options() const {
    return "--replicas " + std::to_string(GetParam().replicas) + " --backend " + GetParam().backend;
  }
  std::string Training() const { return (folder_ / "train.eta").string() + " " + arguments_; }
  fs::path out() const { return folder_ / "out"; }
  fs::path err() const { return folder_ / "err"; }

  // The process, once the program has said that it is ready.
  pid_t Start() {
    fs::remove(err());
    const std::string command = "exec ./etai " + Options() + " " + Training() + " >" +
                                out().string() + " 2>" + err().string() + " </dev/null";
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    EXPECT_TRUE(Appears("ready\n")) << ReadWhole(err());
    return child;
  }

  // Whether it is on stderr within a while.
  bool Appears(const std::string& text) {
    for (int i = 0; i < 500; ++i) {
      if (ReadWhole(err()).find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

  static int ExitCode(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const fs::path folder_;
  std::string arguments_;
};

TEST_P(SignalsTest, TrainingEndsBetweenStepsOfAllReplicas) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t child = Start();
    kill(child, signal);
    EXPECT_EQ(ExitCode(child), 128 + signal) << ReadWhole(err());
    int steps[3] = {};
    const std::string printed = ReadWhole(out());
    const int read = std::sscanf(printed.c_str(), "(%d %d %d)", steps, steps + 1, steps + 2);
    EXPECT_EQ(read, GetParam().replicas) << printed;
    EXPECT_GE(steps[0], 5);
    for (int r = 1; r < read; ++r) EXPECT_EQ(steps[r], steps[0]) << printed;
  }
}

TEST_P(SignalsTest, StepsWithoutMeetingsEndToo) {
  Write(kGathering);
  const pid_t child = Start();
  kill(child, SIGINT);
  EXPECT_EQ(ExitCode(child), 128 + SIGINT) << ReadWhole(err());
}

// In the end nothing tells that the training was interrupted.
TEST_P(SignalsTest, TheLastActMaySaveACheckpoint) {
  Write(kSaving);
  const fs::path checkpoint = folder_ / "interrupted";
  fs::remove(checkpoint);
  arguments_ = checkpoint.string();
  const pid_t child = Start();
  kill(child, SIGINT);
  EXPECT_EQ(ExitCode(child), 128 + SIGINT) << ReadWhole(err());
  ASSERT_TRUE(fs::exists(checkpoint)) << ReadWhole(err());
  arguments_ += " " + std::to_string(std::stoi(ReadWhole(out())) + 7);
  const Outcome resumed = RunEtai(Options() + " " + Training());
  fs::remove(checkpoint);
  const Outcome whole = RunEtai(Options() + " " + Training());
  EXPECT_EQ(resumed.status, 0) << resumed.errors;
  EXPECT_EQ(resumed.output, whole.output);
}

TEST_P(SignalsTest, AReportIsShownAndTrainingGoesOn) {
  const pid_t child = Start();
  kill(child, SIGUSR1);
  EXPECT_TRUE(Appears("overlap"));
  kill(child, SIGTERM);
  EXPECT_EQ(ExitCode(child), 128 + SIGTERM);
}

TEST_P(SignalsTest, ReplicasUseNoSocketAndNoOtherProcess) {
  const pid_t child = Start();
  const fs::path process = fs::path("/proc") / std::to_string(child);
  for (const auto& file : fs::directory_iterator(process / "fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(file, gone).string();
    EXPECT_FALSE(target.starts_with("socket:")) << target;
  }
  EXPECT_EQ(ReadWhole(process / "task" / std::to_string(child) / "children"), "");
  kill(child, SIGTERM);
  EXPECT_EQ(ExitCode(child), 128 + SIGTERM);
}

INSTANTIATE_TEST_SUITE_P(Replicas, SignalsTest,
                         testing::Values(Run{1, "auto"}, Run{3, "local"}, Run{3, "nccl"}));

class SignalsInsideTest : public SignalsTest {};

TEST_P(SignalsInsideTest, ReplicasEndWithTheProgramThatWaitsForThem) {
  Write(kTrainingInside);
  for (const int signal : {SIGINT, SIGTERM}) {
    const pid_t child = Start();
    kill(child, signal);
    EXPECT_EQ(ExitCode(child), 128 + signal) << ReadWhole(err());
    EXPECT_EQ(ReadWhole(out()), "last act\n");
  }
}

INSTANTIATE_TEST_SUITE_P(Replicas, SignalsInsideTest,
                         testing::Values(Run{1, "local"}, Run{1, "nccl"}));

}  // namespace
}  // namespace eta
