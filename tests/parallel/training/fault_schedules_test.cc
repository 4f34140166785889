// Faults of all kinds on random ranks in random steps, on either backend. Whatever happens, the run
// ends; a step that failed leaves no trace; everybody learns which rank it was and where.
//
// FAULT_SCHEDULES in the environment is how many are tried (default: 500).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <tuple>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

constexpr int kSteps = 6;

enum class End {
  kNoFault,    // nobody notices
  kGoesOn,     // the step fails on all ranks, which catch that and go on
  kAllKnow,    // likewise, and all ranks get the same error
  kWorldEnds,  // so do all programs
};

struct Kind {
  const char* name;
  // What the rank at fault does before the step, and what it makes of the loss, the tensor `l`.
  const char* before;
  const char* loss;
  End end;
};

constexpr Kind kNothing = {"nothing", "'()", "l", End::kNoFault};
constexpr Kind kKinds[] = {
    {"a pause before the step", "(%time-sleep-ms 3)", "l", End::kNoFault},
    {"a pause in the loss", "'()", "(begin (%time-sleep-ms 3) l)", End::kNoFault},
    {"an error in the loss", "'()", "(car 5)", End::kGoesOn},
    {"a loss that is no tensor", "'()", "7", End::kGoesOn},
    {"a loss of two elements", "'()", "(torch/ones '(2))", End::kGoesOn},
    {"a shape that does not fit", "'()", "(nn/mse-loss p (torch/ones '(3 5)))", End::kGoesOn},
    {"a backward pass that fails", "'()", "(torch/detach l)", End::kGoesOn},
    {"memory that runs out", "'()", "(torch/ones '(1000000 100000000))", End::kGoesOn},
    {"a loss that is not finite", "'()", "(torch/log (torch/sub l l))", End::kAllKnow},
    {"a gradient that is not finite", "'()", "(torch/add l (torch/sqrt (torch/sub l l)))",
     End::kAllKnow},
    {"an error before the step", "(car 5)", "l", End::kWorldEnds},
    {"an exit before the step", "(exit 0)", "l", End::kWorldEnds},
    {"an exit in the loss", "'()", "(exit 3)", End::kWorldEnds},
    {"an extra collective", "(parallel/all-reduce 1)", "l", End::kWorldEnds},
    {"an optimizer of its own", "(set! optimizer (optim/sgd model 0.1))", "l", End::kWorldEnds},
};

struct Schedule {
  explicit Schedule(uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto any = [&](size_t n) { return static_cast<int>(random() % n); };
    kind = kKinds + any(std::size(kKinds));
    backend = any(3) == 0 ? "nccl" : "local";
    ranks = 2 + any(3);
    rank = any(static_cast<size_t>(ranks));
    step = any(kSteps);
    optimizer = any(2) == 0 ? "(optim/adam model 0.01)" : "(optim/sgd model 0.1 'momentum 0.9)";
  }

  const Kind* kind;
  const char* backend;
  int ranks, rank, step;
  const char* optimizer;
};

std::ostream& operator<<(std::ostream& out, const Schedule& s) {
  return out << s.kind->name << " on rank " << s.rank << " of " << s.ranks << " in step " << s.step
             << " over " << s.backend << ", " << s.optimizer;
}

// Each step is a line: its loss, or what was caught. Then come the parameters. The step of the
// fault is left out if `skip`.
std::string ProgramOf(const Schedule& s, const Kind& kind, bool skip) {
  std::ostringstream program;
  program << R"(
    (torch/manual-seed 5)
    (define model (nn/sequential (nn/linear 3 4) (nn/relu-layer) (nn/linear 4 2)))
    (define optimizer )"
          << s.optimizer << R"()
    (define (fault? step) (and (= rank )"
          << s.rank << ") (= step " << s.step << R"()))
    (define (loss step)
      (lambda (p y)
        (let ((l (nn/mse-loss p y)))
          (if (fault? step) )"
          << kind.loss << R"( l))))
    (define (train step x y)
      (if (fault? step) )"
          << kind.before << R"()
      (let ((result (catch 'runtime.error
                      (optim/train-step! model optimizer (loss step) x y))))
        (write (if (pair? result) (list (cadr result) (caddr result)) result))))
    (define (go step)
      (if (< step )"
          << kSteps << R"()
        (let ((x (parallel/shard (torch/randn '(9 3)))) (y (parallel/shard (torch/randn '(9 2)))))
          (if (not (= step )"
          << (skip ? s.step : -1) << R"()) (train step x y))
          (newline)
          (go (+ step 1)))))
    (go 0)
    (write (map torch/to-list (nn/parameters model)))
    (write (parallel/replicas-equal? model)))";
  return program.str();
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class FaultSchedulesTest : public testing::Test {
 protected:
  void Check(const Schedule& schedule) {
    const Kind& kind = *schedule.kind;
    const auto start = std::chrono::steady_clock::now();
    const auto results = RunReplicas(schedule.ranks, ProgramOf(schedule, kind, /*skip=*/false),
                                     {.backend = schedule.backend});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    for (int r = 0; r < schedule.ranks; ++r) {
      SCOPED_TRACE("rank " + std::to_string(r));
      const ReplicaResult& result = results[static_cast<size_t>(r)];
      kind.end == End::kWorldEnds ? CheckEnded(schedule, r, result)
                                  : CheckWentOn(schedule, r, result);
    }
  }

 private:
  // The lines of a run in which nothing fails.
  const std::vector<std::string>& Expected(const Schedule& schedule, bool skip) {
    const std::string program = ProgramOf(schedule, kNothing, skip);
    auto& lines = expected_[{schedule.ranks, schedule.backend, program}];
    if (lines.empty()) {
      lines = LinesOf(OutputOf(schedule.ranks, program, {.backend = schedule.backend}));
    }
    return lines;
  }

  void CheckWentOn(const Schedule& schedule, int rank, const ReplicaResult& result) {
    const Kind& kind = *schedule.kind;
    EXPECT_EQ(result.error, "");
    std::vector<std::string> lines = LinesOf(result.output);
    ASSERT_EQ(lines.size(), size_t{kSteps} + 1) << result.output;
    if (kind.end != End::kNoFault) {
      std::string& caught = lines[static_cast<size_t>(schedule.step)];
      const std::string at_fault = "rank " + std::to_string(schedule.rank);
      if (kind.end == End::kAllKnow || rank != schedule.rank) {
        EXPECT_TRUE(Contains(caught, at_fault)) << caught;
      }
      if (kind.end == End::kGoesOn && rank != schedule.rank) {
        EXPECT_TRUE(Contains(caught, at_fault + " failed at train.eta:")) << caught;
      }
      EXPECT_TRUE(caught.starts_with("(runtime.")) << caught;
      caught.clear();
    }
    EXPECT_EQ(lines, Expected(schedule, kind.end != End::kNoFault));
  }

  void CheckEnded(const Schedule& schedule, int rank, const ReplicaResult& result) {
    EXPECT_NE(result.error, "");
    if (rank != schedule.rank) {
      EXPECT_TRUE(Contains(result.error, std::to_string(schedule.rank))) << result.error;
      EXPECT_TRUE(Contains(result.error, "train.eta:")) << result.error;
    }
    const std::vector<std::string> lines = LinesOf(result.output);
    const std::vector<std::string>& expected = Expected(schedule, /*skip=*/false);
    ASSERT_GE(lines.size(), static_cast<size_t>(schedule.step));
    for (int i = 0; i < schedule.step; ++i) EXPECT_EQ(lines[i], expected[i]);
  }

  const FakeNccl nccl_;
  std::map<std::tuple<int, std::string, std::string>, std::vector<std::string>> expected_;
};

TEST_F(FaultSchedulesTest, AllEndAsTheyShould) {
  const char* wanted = std::getenv("FAULT_SCHEDULES");
  const uint64_t count = wanted ? std::strtoull(wanted, nullptr, 10) : 500;
  for (uint64_t seed = 0; seed < count && !HasFailure(); ++seed) {
    const Schedule schedule(seed);
    std::ostringstream text;
    text << "schedule " << seed << ": " << schedule;
    SCOPED_TRACE(text.str());
    Check(schedule);
  }
}

}  // namespace
}  // namespace eta::parallel
