// What goes wrong on a rank while steps are replayed ends as it does when they are not: the same
// verdicts, messages and places, and the same numbers afterwards.
#include <gtest/gtest.h>

#include <regex>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/training/replicas.h"

namespace eta::parallel {
namespace {

// What the last rank does in a step that is a replay.
struct Fault {
  const char* name;
  const char* before = "'()";            // the step
  const char* input = "(randn '(8 6))";  // instead of its rows
  const char* target = "(classes 1)";    // likewise
  LaunchOptions launch = {};
};

const Fault kFaults[] = {
    {.name = "nothing"},
    {.name = "a class that there is not", .target = "(classes 9)"},
    {.name = "a loss that is not finite", .input = "(t/ (randn '(8 6)) (tensor 0))"},
    {.name = "the same, skipped",
     .input = "(t/ (randn '(8 6)) (tensor 0))",
     .launch = {.on_nonfinite = OnNonfinite::kSkip}},
    {.name = "rows that do not fit", .input = "(randn '(8 5))"},
    {.name = "rows that are none", .input = "7"},
    {.name = "no rows", .input = "(randn '(0 6))", .target = "(torch/ones '(0) 'int64)"},
    {.name = "targets that do not count",
     .target = "(from-list '(-100 -100 -100 -100 -100 -100 -100 -100) 'int64)"},
    {.name = "healed", .target = "(classes 9)", .launch = {.on_failure = OnFailure::kHeal}},
    {.name = "a parameter of its own",
     .before = "(load-parameters! model (map (lambda (p) (t* p (tensor 2))) (parameters model)))"},
    {.name = "a frozen parameter", .before = "(requires-grad! (car (parameters model)) #f)"},
    {.name = "another learning rate", .before = "(set-learning-rate! optimizer 0.5)"},
    {.name = "an error before the step", .before = "(car 5)"},
    {.name = "a raise", .before = "(raise 'boom 3)"},
    {.name = "an exit", .before = "(exit 3)"},
    {.name = "an extra collective", .before = "(parallel/barrier)"},
    {.name = "a stall", .before = "(%time-sleep-ms 1300)"},
};

constexpr const char* kModel = "(linear 6 16) (relu-layer) (dropout 0.3) (linear 16 4)";
// Of which one weight has a bucket of its own.
constexpr const char* kLargeModel =
    "(linear 6 16) (relu-layer) (dropout 0.3) (linear 16 2048) (linear 2048 4)";

std::string ProgramOf(const Fault& fault, int ranks, const std::string& model,
                      const std::string& loss) {
  const auto choose = [&](const std::string& there, const std::string& otherwise) {
    return "(if (and (= i 9) (= rank " + std::to_string(ranks - 1) + ")) " + there + " " +
           otherwise + ")";
  };
  return R"((import std.torch std.optim std.nn std.collections)
    (manual-seed 5)
    (define model (sequential )" +
         model + R"())
    (define optimizer (sgd model 0.05 'momentum 0.9))
    (define (classes k) (from-list (list 0 1 2 3 0 1 2 k) 'int64))
    (define (step i)
      )" +
         choose(fault.before, "'()") + " (train-step! model optimizer " + loss + " " +
         choose(fault.input, "(randn '(8 6))") + " " + choose(fault.target, "(classes 1)") + R"())
    (let loop ((i 0))
      (when (< i 16)
        (display (catch 'runtime.error (step i)))
        (newline)
        (loop (+ i 1))))
    (for-each (lambda (p) (display (to-list (if (< (numel p) 1000) p (tsum p 0)))))
      (parameters model)))";
}

constexpr const char* kShowReplayed =
    "(newline) (display (apply + (map (lambda (line) (list-ref line 4))"
    " (capture-status optimizer))))";

// Without what differs from run to run: times, and which of the ranks that wait says so first.
std::string Settled(std::string text) {
  for (const auto& [from, to] : {std::pair{"[0-9.]+ s\\b", "? s"},
                                 {"rank [0-9] (waits|has waited)", "a rank $1"},
                                 {"waits for it in [^(]*", "waits for it"},
                                 {"\n  rank [^\n(]*", ""}}) {
    text = std::regex_replace(text, std::regex(from), to);
  }
  return text;
}

void ExpectTheSame(const Fault& fault, int ranks, const std::string& loss,
                   const std::string& model = kModel, const std::string& backend = "auto") {
  ReplicaOptions options{.launch = fault.launch,
                         .backend = backend,
                         .cores = ranks % 3 + 1,  // where ranks share them, few work for all
                         .stall_timeout = std::chrono::milliseconds(800)};
  const std::string program = ProgramOf(fault, ranks, model, loss);
  const auto captured = RunReplicas(ranks, program + kShowReplayed, options);
  options.capture = false;
  const auto eager = RunReplicas(ranks, program, options);
  for (size_t r = 0; r < eager.size(); ++r) {
    SCOPED_TRACE(r);
    std::string output = captured[r].output;
    if (eager[r].error.empty()) {
      const size_t line = output.rfind('\n');
      EXPECT_GE(std::stoi(output.substr(line + 1)), 7);
      output.resize(line);
    }
    EXPECT_EQ(Settled(output), Settled(eager[r].output));
    EXPECT_EQ(Settled(captured[r].error), Settled(eager[r].error));
    EXPECT_EQ(Settled(captured[r].complaints), Settled(eager[r].complaints));
    EXPECT_EQ(captured[r].place, eager[r].place);
  }
}

TEST(CapturedFaultsTest, EndAsTheyDoInEagerSteps) {
  for (const Fault& fault : kFaults) {
    SCOPED_TRACE(fault.name);
    for (int ranks : {1, 2, 3, 4}) {
      SCOPED_TRACE(ranks);
      ExpectTheSame(fault, ranks, "cross-entropy-loss");
    }
  }
}

// There gradients are on their way while the replay goes on.
TEST(CapturedFaultsTest, EndAsTheyDoInEagerStepsWithBuckets) {
  const FakeNccl nccl;
  for (const char* backend : {"nccl", "mpi"}) {
    SCOPED_TRACE(backend);
    for (const Fault& fault : kFaults) {
      SCOPED_TRACE(fault.name);
      ExpectTheSame(fault, 3, "cross-entropy-loss", kLargeModel, backend);
    }
  }
}

}  // namespace
}  // namespace eta::parallel
