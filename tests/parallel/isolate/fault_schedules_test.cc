// Faults of all kinds on random ranks in random steps of a trainer without tensors: two weights,
// whose gradients the ranks add up. Whatever happens, the run ends soon; a step that failed leaves
// no trace; one diagnostic names the rank. There is no libtorch in it, so ThreadSanitizer can judge
// all of it but oneTBB.
//
// FAULT_SCHEDULES in the environment is how many are tried (default: 500).
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <tuple>

#include "parallel/isolate/place.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"
#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

constexpr int kSteps = 5;
constexpr std::chrono::milliseconds kStallTimeout(250);
constexpr size_t kHeapLimit = 256 << 20;

enum class End {
  kNoFault,    // nobody notices
  kSkipped,    // all ranks pass over the step
  kWorldEnds,  // so does the run
};

struct Kind {
  const char* name;
  End end;
  const char* before = "'()";  // what the rank at fault does before the step
  const char* gradient = "g";  // and sends instead of its gradient, the list `g`
  const char* nccl = nullptr;  // what the fake NCCL does in the step
};

constexpr Kind kNothing = {.name = "nothing", .end = End::kNoFault};
constexpr Kind kKinds[] = {
    {.name = "a pause before the step", .end = End::kNoFault, .before = "(%time-sleep-ms 3)"},
    {.name = "a pause in the step",
     .end = End::kNoFault,
     .gradient = "(begin (%time-sleep-ms 3) g)"},
    {.name = "an error in the step", .end = End::kSkipped, .gradient = "(car 5)"},
    {.name = "a vector that memory has no room for",
     .end = End::kSkipped,
     .gradient = "(make-vector 100000000000 0)"},
    {.name = "a value that cannot be sent",
     .end = End::kSkipped,
     .gradient = "(current-output-port)"},
    {.name = "a gradient that is not finite",
     .end = End::kSkipped,
     .gradient = "(let ((inf (* 1e308 10.0))) (list (- inf inf) 0.0))"},
    {.name = "an error before the step", .end = End::kWorldEnds, .before = "(car 5)"},
    {.name = "a raise before the step", .end = End::kWorldEnds, .before = "(raise 'boom 3)"},
    {.name = "a raise in the step", .end = End::kWorldEnds, .gradient = "(raise 'boom 3)"},
    {.name = "an exit before the step", .end = End::kWorldEnds, .before = "(exit 0)"},
    {.name = "an exit in the step", .end = End::kWorldEnds, .gradient = "(exit 3)"},
    {.name = "a return before the step", .end = End::kWorldEnds, .before = "(leave 1)"},
    {.name = "an extra barrier", .end = End::kWorldEnds, .before = "(parallel/barrier)"},
    {.name = "an extra sum", .end = End::kWorldEnds, .before = "(sum 1.0)"},
    {.name = "another collective",
     .end = End::kWorldEnds,
     .before = "(parallel/broadcast-value 1)"},
    {.name = "a stall before the step", .end = End::kWorldEnds, .before = "(%time-sleep-ms 700)"},
    {.name = "an endless loop in the step",
     .end = End::kWorldEnds,
     .gradient = "(let spin () (spin))"},
    {.name = "a call of NCCL that fails", .end = End::kWorldEnds, .nccl = "fail"},
    {.name = "a call of NCCL that does not end", .end = End::kWorldEnds, .nccl = "async"},
    {.name = "a rank that does not arrive in NCCL", .end = End::kWorldEnds, .nccl = "hang"},
};

bool Stalls(const Kind& kind) {
  const std::string name = kind.name;
  return name.starts_with("a stall") || name.starts_with("an endless loop") ||
         (kind.nccl != nullptr && kind.nccl != std::string("fail"));
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
    call = 2 * step + any(2);
    code = 1 + any(6);
  }

  // For tests/fakes/nccl_plan.h.
  std::string NcclPlan() const {
    if (kind->nccl == nullptr) return "";
    const std::string plan =
        std::string(kind->nccl) + "=" + std::to_string(rank) + ":" + std::to_string(call);
    return plan.starts_with("hang") ? plan : plan + ":" + std::to_string(code);
  }

  const Kind* kind;
  const char* backend;
  int ranks, rank, step;
  int call, code;  // of NCCL
};

std::ostream& operator<<(std::ostream& out, const Schedule& s) {
  return out << s.kind->name << " on rank " << s.rank << " of " << s.ranks << " in step " << s.step
             << " over " << s.backend;
}

// Each step is a line of every rank: the weights after it.
std::string ProgramOf(const Schedule& s, const Kind& kind, bool skip) {
  std::ostringstream program;
  program << R"((import std.core)
(define weights '(0.0 0.0))
(define (x i) (* 0.1 i))
(define (fault? step) (and (= (parallel/rank) )"
          << s.rank << ") (= step " << s.step << R"()))
(define (gradient step)
  (let* ((range (parallel/shard-range 9)) (end (cadr range)))
    (let loop ((i (car range)) (a 0.0) (b 0.0))
      (if (< i end)
          (let ((miss (- (+ (car weights) (* (cadr weights) (x i))) (+ 1.0 (* 2.0 (x i))))))
            (loop (+ i 1) (+ a miss) (+ b (* miss (x i)))))
          (let ((g (list a b)))
            (if (fault? step) )"
          << kind.gradient << R"( g))))))
(define (good? g) (and (pair? g) (number? (car g))))
(define (finite? x) (= 0.0 (* 0.0 x)))
(define (update g)
  (let ((sums (list (sum (car g)) (sum (cadr g)))))
    (if (and (finite? (car sums)) (finite? (cadr sums)))
        (set! weights (list (- (car weights) (* 0.1 (car sums)))
                            (- (cadr weights) (* 0.1 (cadr sums))))))))
(define (all-good? gs) (or (null? gs) (and (good? (car gs)) (all-good? (cdr gs)))))
; An error of one rank is what it sends; all see it and pass over the step.
(define (train step leave)
  (if (fault? step) )"
          << kind.before << R"()
  (let* ((own (catch 'runtime.error (gradient step)))
         (all (catch 'runtime.error (parallel/all-gather-value own))))
    (if (and (pair? all) (all-good? all)) (update own))))
(define (go step leave)
  (if (< step )"
          << kSteps << R"()
      (begin
        (if (not (= step )"
          << (skip ? s.step : -1) << R"()) (train step leave))
        (write weights)
        (newline)
        (go (+ step 1) leave))
      (parallel/barrier)))
(call/cc (lambda (leave) (go 0 leave)))
)";
  return program.str();
}

// As a step of training does where ranks share memory: the workers sum for all.
Status SumByWork(Member& member, double* x, Site site) {
  std::vector<double*> all(static_cast<size_t>(member.size()));
  const Status status = member.ExchangeForWork("sum", x, std::span(all), site);
  Board& board = member.world().board();
  if (!status.ok() || board.PartOf(member.rank()) < 0) return status;
  double sum = 0;
  for (const double* each : all) sum += *each;
  board.SyncWorkers(member.rank());
  if (board.PartOf(member.rank()) == 0) {
    for (double* each : all) *each = sum;
  }
  board.Release(member.rank());
  return status;
}

// (sum x): over all ranks.
Value Sum(Vm& vm, Args args) {
  double x = args[0].AsDouble();
  Member& member = RankContext::Of(vm)->member;
  Communicator& comm = member.communicator();
  const Status status = comm.SharesMemory()
                            ? SumByWork(member, &x, PlaceText(vm))
                            : comm.AllReduce({&x, 1}, ReduceOp::kSum, PlaceText(vm)).status();
  return status.ok() ? Value::Double(x) : FailWith(vm, "sum", status);
}

constexpr NativeDef kNatives[] = {{"sum", Sum, 1, 1, ""}};

GroupRun RunSchedule(const Schedule& s, const Kind& kind, bool skip) {
  GroupOptions options;
  options.size = s.ranks;
  options.backend = s.backend;
  options.output = OutputMode::kAll;
  options.last_words = std::chrono::milliseconds(100);
  options.abort_deadline = std::chrono::seconds(5);
  if (Stalls(kind)) options.stall_timeout = kStallTimeout;
  options.vm_options = [](int) {
    Vm::Options vm;
    vm.heap.limit_bytes = kHeapLimit;
    return vm;
  };
  options.prepare = [](Vm& vm, int) { vm.DefineNatives(kNatives); };
  return RunGroup(std::move(options), ProgramOf(s, kind, skip));
}

// What one rank wrote.
std::vector<std::string> LinesOf(const std::string& text, int rank) {
  const std::string mark = "[" + std::to_string(rank) + "] ";
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(mark)) lines.push_back(line.substr(mark.size()));
  }
  return lines;
}

class IsolateFaultSchedulesTest : public testing::Test {
 protected:
  void Check(const Schedule& s) {
    const Kind& kind = *s.kind;
    const auto& expected = Expected(s, kind.end == End::kSkipped);
    const FakeNccl nccl(s.NcclPlan());
    const GroupRun run = RunSchedule(s, kind, /*skip=*/false);
    EXPECT_LT(run.time, std::chrono::seconds(10));
    kind.end == End::kWorldEnds ? CheckEnded(s, run, expected) : CheckWentOn(s, run, expected);
  }

 private:
  using Lines = std::vector<std::string>;

  const Lines& Expected(const Schedule& s, bool skip) {
    Lines& lines = expected_[{s.ranks, s.backend, skip ? s.step : -1}];
    if (lines.empty()) {
      const FakeNccl nccl;
      const GroupRun run = RunSchedule(s, kNothing, skip);
      EXPECT_EQ(run.diagnostic, "");
      lines = LinesOf(run.output, 0);
      EXPECT_EQ(lines.size(), size_t{kSteps});
    }
    return lines;
  }

  void CheckWentOn(const Schedule& s, const GroupRun& run, const Lines& expected) {
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.diagnostic, "");
    for (int r = 0; r < s.ranks; ++r) EXPECT_EQ(LinesOf(run.output, r), expected) << r;
  }

  void CheckEnded(const Schedule& s, const GroupRun& run, const Lines& expected) {
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_TRUE(run.diagnostic.starts_with("error")) << run.diagnostic;
    EXPECT_EQ(run.diagnostic.find("\nerror"), std::string::npos) << run.diagnostic;
    EXPECT_TRUE(NamesCause(s, run.diagnostic)) << run.diagnostic;
    for (int r = 0; r < s.ranks; ++r) {
      const Lines lines = LinesOf(run.output, r);
      ASSERT_GE(lines.size(), static_cast<size_t>(s.step)) << r;
      for (int i = 0; i < s.step; ++i) EXPECT_EQ(lines[i], expected[i]) << r;
    }
  }

  // The rank, and where it was; of one that hangs in NCCL's call nobody knows which it is.
  static testing::AssertionResult NamesCause(const Schedule& s, const std::string& text) {
    if (s.kind->nccl != nullptr && s.kind->nccl != std::string("fail")) {
      return Contains(text, "for its end; all ranks are in it");
    }
    auto named = Contains(text, "rank " + std::to_string(s.rank));
    return named ? Contains(text, "script.eta:") : named;
  }

  std::map<std::tuple<int, std::string, int>, Lines> expected_;
};

TEST_F(IsolateFaultSchedulesTest, AllEndAsTheyShould) {
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

TEST(IsolateFaultScheduleTest, CoversAllKindsOnBothBackends) {
  std::set<std::pair<std::string, std::string>> seen;
  size_t over_nccl_only = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Schedule schedule(seed);
    seen.insert({schedule.kind->name, schedule.backend});
  }
  for (const Kind& kind : kKinds) over_nccl_only += kind.nccl != nullptr;
  EXPECT_EQ(seen.size(), 2 * std::size(kKinds) - over_nccl_only);
}

}  // namespace
}  // namespace eta::parallel
