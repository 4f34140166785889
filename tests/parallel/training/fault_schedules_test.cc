// Faults of all kinds on random ranks in random steps, on every backend, also with devices that
// stand in for GPUs, with options that change what is exchanged, and with layers that meet.
// Whatever happens, the run ends; a step that failed leaves no trace; everybody learns which rank
// it was and where.
//
// FAULT_SCHEDULES in the environment is how many are tried (default: 500).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
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
  kWorldEnds,  // so do all programs, with the rank at fault and a place
  kNcclEnds,   // likewise, but NCCL says why
};

// Where in its step the rank is when it happens.
enum class At { kBetween, kEnter, kForward, kLoss, kBackward, kReduce };
constexpr int kPhases = 6;

struct Kind {
  const char* name;
  At at;
  End end;
  // What the rank at fault does before the step, gives it as its rows, of which there are `x`, and
  // makes of the loss, the tensor `l`.
  const char* before = "'()";
  const char* input = "x";
  const char* loss = "l";
  // What the fake NCCL does then; see NcclPlan.
  const char* nccl = nullptr;
};

constexpr const char* kPause = "(%time-sleep-ms 3)";
// Longer than the stall time below, by less than what a rank has to notice that the world is over.
constexpr const char* kStall = "(%time-sleep-ms 700)";
constexpr std::chrono::milliseconds kStallTimeout(250);

constexpr Kind kNothing = {.name = "nothing", .at = At::kBetween, .end = End::kNoFault};
constexpr Kind kKinds[] = {
    {.name = "a pause before the step", .at = At::kBetween, .end = End::kNoFault, .before = kPause},
    {.name = "a pause in the loss",
     .at = At::kLoss,
     .end = End::kNoFault,
     .loss = "(begin (%time-sleep-ms 3) l)"},
    {.name = "rows that are no tensor", .at = At::kEnter, .end = End::kGoesOn, .input = "7"},
    {.name = "rows that do not fit",
     .at = At::kForward,
     .end = End::kGoesOn,
     .input = "(torch/ones '(3 5))"},
    {.name = "an error in the loss", .at = At::kLoss, .end = End::kGoesOn, .loss = "(car 5)"},
    {.name = "a loss that is no tensor", .at = At::kLoss, .end = End::kGoesOn, .loss = "7"},
    {.name = "a loss of two elements",
     .at = At::kLoss,
     .end = End::kGoesOn,
     .loss = "(torch/ones '(2))"},
    {.name = "a shape that does not fit",
     .at = At::kLoss,
     .end = End::kGoesOn,
     .loss = "(nn/mse-loss p (torch/ones '(3 5)))"},
    {.name = "a tensor that memory has no room for",
     .at = At::kLoss,
     .end = End::kGoesOn,
     .loss = "(torch/ones '(1000000 100000000))"},
    {.name = "a vector that memory has no room for",
     .at = At::kLoss,
     .end = End::kGoesOn,
     .loss = "(make-vector 100000000000 0)"},
    {.name = "a backward pass that fails",
     .at = At::kBackward,
     .end = End::kGoesOn,
     .loss = "(torch/detach l)"},
    {.name = "a loss that is not finite",
     .at = At::kLoss,
     .end = End::kAllKnow,
     .loss = "(torch/log (torch/sub l l))"},
    {.name = "a gradient that is not finite",
     .at = At::kBackward,
     .end = End::kAllKnow,
     .loss = "(torch/add l (torch/sqrt (torch/sub l l)))"},
    {.name = "an error before the step",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = "(car 5)"},
    {.name = "a raise before the step",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = "(raise 'boom 3)"},
    {.name = "a raise in the loss",
     .at = At::kLoss,
     .end = End::kWorldEnds,
     .loss = "(raise 'boom 3)"},
    {.name = "an exit before the step",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = "(exit 0)"},
    {.name = "an exit in the loss", .at = At::kLoss, .end = End::kWorldEnds, .loss = "(exit 3)"},
    {.name = "an extra collective",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = "(parallel/all-reduce 1)"},
    {.name = "an extra barrier",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = "(parallel/barrier)"},
    {.name = "an optimizer of its own",
     .at = At::kEnter,
     .end = End::kWorldEnds,
     .before = "(set! optimizer (optim/sgd model 0.1))"},
    {.name = "a stall before the step",
     .at = At::kBetween,
     .end = End::kWorldEnds,
     .before = kStall},
    {.name = "a stall in the loss",
     .at = At::kLoss,
     .end = End::kWorldEnds,
     .loss = "(begin (%time-sleep-ms 700) l)"},
    {.name = "a call of NCCL that fails", .at = At::kReduce, .end = End::kNcclEnds, .nccl = "fail"},
    {.name = "a call of NCCL that does not end",
     .at = At::kReduce,
     .end = End::kNcclEnds,
     .nccl = "async"},
    {.name = "a rank that does not arrive in NCCL",
     .at = At::kReduce,
     .end = End::kNcclEnds,
     .nccl = "hang"},
};

bool Stalls(const Kind& kind) {
  const std::string name = kind.name;
  return name.starts_with("a stall") || (kind.nccl != nullptr && kind.nccl != std::string("fail"));
}

struct Schedule {
  explicit Schedule(uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto any = [&](size_t n) { return static_cast<int>(random() % n); };
    kind = kKinds + any(std::size(kKinds));
    const bool over_nccl = any(2) == 0;
    backend = over_nccl || kind->nccl != nullptr ? "nccl" : "local";
    ranks = 2 + any(3);
    rank = any(static_cast<size_t>(ranks));
    step = any(kSteps);
    code = 1 + any(6);
    optimizer = any(2) == 0 ? "(optim/adam model 0.01)" : "(optim/sgd model 0.001 'momentum 0.9)";
    if (backend == std::string("local") && seed % 2 == 0) backend = "mpi";
    cores = 1 + any(static_cast<size_t>(ranks));
    if (kind->nccl != nullptr) return;
    constexpr int kPerGpu[] = {0, 1, 2, 8};
    constexpr const char* kOptions[] = {"", " 'shard-optimizer #t", " 'compress 'bfloat16"};
    if (backend == std::string("nccl")) per_gpu = kPerGpu[any(std::size(kPerGpu))];
    options = kOptions[any(std::size(kOptions))];
    meets = any(4) == 0;
  }

  ReplicaOptions Options() const {
    const ReplicaSetting setting{"", per_gpu > 0 ? "auto" : backend, per_gpu};
    ReplicaOptions all = setting.OptionsFor(ranks);
    all.cores = cores;
    return all;
  }
  std::string Optimizer() const {
    std::string text = optimizer;
    return text.insert(text.size() - 1, options);
  }
  // Nobody looks at its own gradients on a GPU, and between layers that meet they cross over.
  bool names_rank() const {
    return (per_gpu == 0 && !meets) || kind->name != std::string("a gradient that is not finite");
  }

  const Kind* kind;
  const char* backend;
  int ranks, rank, step, cores;
  int code;  // of NCCL's error
  const char* optimizer;
  int per_gpu = 0;  // ranks that share each GPU; 0: they are on the CPU
  const char* options = "";
  bool meets = false;  // a layer the other ranks
};

std::ostream& operator<<(std::ostream& out, const Schedule& s) {
  return out << s.kind->name << " on rank " << s.rank << " of " << s.ranks << " in step " << s.step
             << " over " << s.backend << " with " << s.per_gpu << " on each GPU, " << s.Optimizer()
             << (s.meets ? ", with a layer that meets the others" : "") << ", on " << s.cores
             << " cores";
}

// Each of the model's four parameters is shared out by a call of NCCL; then each step makes one.
std::string NcclPlan(const Schedule& s) {
  if (s.kind->nccl == nullptr) return "";
  const std::string call = std::to_string(s.rank) + ":" + std::to_string(4 + s.step);
  const bool has_code = s.kind->nccl != std::string("hang");
  return std::string(s.kind->nccl) + "=" + call + (has_code ? ":" + std::to_string(s.code) : "");
}

// Between machines with a weight that has a bucket of its own, so that one is under way while the
// other is not ready.
std::string ModelOf(const Schedule& s) {
  const bool between_machines = s.backend == std::string("mpi");
  const std::string last =
      between_machines ? "(nn/linear 4 8192) (nn/linear 8192 2)" : "(nn/linear 4 2)";
  const std::string middle = s.meets ? "(batch-norm 4 'sync #t) " : "(nn/relu-layer) ";
  return "(nn/sequential (nn/linear 3 4) " + middle + last + ")";
}

// Each step is a line: its loss, or what was caught. Then come the parameters. The step of the
// fault is left out if `skip`.
std::string ProgramOf(const Schedule& s, const Kind& kind, bool skip) {
  std::ostringstream program;
  program << R"((import (only std.nn batch-norm))
    (torch/manual-seed 5)
    (define model )"
          << ModelOf(s) << R"()
    (define optimizer )"
          << s.Optimizer() << R"()
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
                      (optim/train-step! model optimizer (loss step)
                        (if (fault? step) )"
          << kind.input << R"( x) y))))
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
    (write (map (lambda (p) (torch/to-list (if (< (torch/numel p) 100) p (torch/sum p 0))))
                (nn/parameters model)))
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
    const bool skip = kind.end == End::kGoesOn || kind.end == End::kAllKnow;
    const std::vector<std::string>& expected = Expected(schedule, skip);
    const FakeNccl nccl(NcclPlan(schedule));
    const auto start = std::chrono::steady_clock::now();
    ReplicaOptions options = schedule.Options();
    if (Stalls(kind)) options.stall_timeout = kStallTimeout;
    const auto results =
        RunReplicas(schedule.ranks, ProgramOf(schedule, kind, /*skip=*/false), options);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
    for (int r = 0; r < schedule.ranks; ++r) {
      SCOPED_TRACE("rank " + std::to_string(r));
      const ReplicaResult& result = results[static_cast<size_t>(r)];
      if (kind.end == End::kWorldEnds || kind.end == End::kNcclEnds) {
        CheckEnded(schedule, r, result, expected);
      } else {
        CheckWentOn(schedule, r, result, expected);
      }
    }
  }

 private:
  // The lines of a run in which nothing fails.
  const std::vector<std::string>& Expected(const Schedule& schedule, bool skip) {
    const std::string program = ProgramOf(schedule, kNothing, skip);
    auto& lines =
        expected_[{schedule.ranks, schedule.backend + std::to_string(schedule.per_gpu), program}];
    if (lines.empty()) {
      const FakeNccl nccl;
      ReplicaOptions options = schedule.Options();
      options.cores = 0;
      lines = LinesOf(OutputOf(schedule.ranks, program, options));
    }
    return lines;
  }

  void CheckWentOn(const Schedule& schedule, int rank, const ReplicaResult& result,
                   const std::vector<std::string>& expected) {
    const Kind& kind = *schedule.kind;
    EXPECT_EQ(result.error, "");
    std::vector<std::string> lines = LinesOf(result.output);
    ASSERT_EQ(lines.size(), size_t{kSteps} + 1) << result.output;
    if (kind.end != End::kNoFault) {
      std::string& caught = lines[static_cast<size_t>(schedule.step)];
      const std::string at_fault = "rank " + std::to_string(schedule.rank);
      if (schedule.names_rank() && (kind.end == End::kAllKnow || rank != schedule.rank)) {
        EXPECT_TRUE(Contains(caught, at_fault)) << caught;
      }
      if (kind.end == End::kGoesOn && rank != schedule.rank) {
        EXPECT_TRUE(Contains(caught, at_fault + " failed at train.eta:")) << caught;
      }
      EXPECT_TRUE(caught.starts_with("(runtime.")) << caught;
      caught.clear();
    }
    EXPECT_EQ(lines, expected);
  }

  void CheckEnded(const Schedule& schedule, int rank, const ReplicaResult& result,
                  const std::vector<std::string>& expected) {
    EXPECT_NE(result.error, "");
    if (schedule.kind->end == End::kNcclEnds) {
      const bool told = Contains(result.error, "NCCL's all-reduce failed on rank " +
                                                   std::to_string(schedule.rank)) ||
                        Contains(result.error, "for its end");
      EXPECT_TRUE(told) << result.error;
    } else if (rank != schedule.rank) {
      EXPECT_TRUE(Contains(result.error, std::to_string(schedule.rank))) << result.error;
      EXPECT_TRUE(Contains(result.error, "train.eta:")) << result.error;
    }
    const std::vector<std::string> lines = LinesOf(result.output);
    ASSERT_GE(lines.size(), static_cast<size_t>(schedule.step));
    for (int i = 0; i < schedule.step; ++i) EXPECT_EQ(lines[i], expected[i]);
  }

  std::map<std::tuple<int, std::string, std::string>, std::vector<std::string>> expected_;
};

uint64_t Count() {
  const char* wanted = std::getenv("FAULT_SCHEDULES");
  return wanted ? std::strtoull(wanted, nullptr, 10) : 500;
}

TEST_F(FaultSchedulesTest, AllEndAsTheyShould) {
  for (uint64_t seed = 0; seed < Count() && !HasFailure(); ++seed) {
    const Schedule schedule(seed);
    std::ostringstream text;
    text << "schedule " << seed << ": " << schedule;
    SCOPED_TRACE(text.str());
    Check(schedule);
  }
}

// Chance leaves nothing out: every kind, where a rank may be, with every backend that knows it, on
// the first rank and on others.
TEST(FaultScheduleTest, CoversAllKindsAndPhases) {
  std::set<std::string> kinds;
  std::set<std::tuple<At, std::string, bool>> places;
  std::set<std::tuple<int, std::string, bool>> settings;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Schedule schedule(seed);
    kinds.insert(schedule.kind->name);
    places.insert({schedule.kind->at, schedule.backend, schedule.rank == 0});
    settings.insert({schedule.per_gpu, schedule.options, schedule.meets});
  }
  EXPECT_EQ(kinds.size(), std::size(kKinds));
  EXPECT_EQ(places.size(), size_t{2 * (3 * kPhases - 2)});  // only NCCL fails while reducing
  EXPECT_EQ(settings.size(), size_t{4 * 3 * 2});
}

}  // namespace
}  // namespace eta::parallel
