// What programs on several isolates can do and see when all goes well.
#include "parallel/isolate/isolate_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>

#include "tests/parallel/isolate/group_runner.h"

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

// Natives that see all isolates of the process.
std::atomic<int> arrived;
std::atomic<int> live_things;

Value Arrive(Vm&, Args) { return Value::Int(++arrived); }
Value Arrived(Vm&, Args) { return Value::Int(arrived); }

struct Thing {
  Thing() { ++live_things; }
  ~Thing() { --live_things; }
};
const ForeignType kThing = {.name = "thing",
                            .finalize = [](void* data) { delete static_cast<Thing*>(data); }};

Value MakeThing(Vm& vm, Args) { return vm.heap().Foreign(&kThing, new Thing); }

constexpr NativeDef kNatives[] = {
    {"arrive!", Arrive, 0, 0, ""},
    {"arrived", Arrived, 0, 0, ""},
    {"make-thing", MakeThing, 0, 0, ""},
};

GroupOptions OptionsFor(int size) {
  arrived = 0;
  GroupOptions options;
  options.size = size;
  options.prepare = [](Vm& vm, int) { vm.DefineNatives(kNatives); };
  return options;
}

class IsolateGroupTest : public testing::TestWithParam<int> {
 protected:
  int size() const { return GetParam(); }
  std::string size_text() const { return std::to_string(size()); }
};

// Goes back at the end.
class DirectoryToLeave {
 public:
  DirectoryToLeave() : before_(fs::current_path()) {}
  ~DirectoryToLeave() { fs::current_path(before_); }

 private:
  const fs::path before_;
};

TEST_P(IsolateGroupTest, ReplicasGoToTheDirectoryThatOneGoesTo) {
  const DirectoryToLeave before;
  const fs::path root = fs::canonical(testing::TempDir());
  fs::create_directories(root / "dd" / "ee");
  fs::current_path(root);
  GroupOptions options = OptionsFor(size());
  options.output = OutputMode::kLines;
  // The last rank has not moved when the others have.
  const GroupRun run = RunGroup(options, R"(
      (import std.core) (import std.io) (import std.parallel)
      (define last? (= (rank) (- (world-size) 1)))
      (define (go) (change-directory! "dd") (change-directory! "ee"))
      (if (not last?) (go))
      (barrier)
      (define home (current-directory))
      (if last? (begin (println home) (go)))
      (println (current-directory))
      (change-directory! "..")
      (println (caddr (catch 'runtime.error (change-directory! "")))))");
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_EQ(fs::current_path(), root / "dd");
  EXPECT_TRUE(run.output.find(root.string() + "\n") != run.output.npos) << run.output;
  size_t there = 0;
  const std::string line = (root / "dd" / "ee").string() + "\n";
  for (size_t at = 0; (at = run.output.find(line, at)) != run.output.npos; ++at) ++there;
  EXPECT_EQ(there, size()) << run.output;
}

TEST_P(IsolateGroupTest, EachIsolateKnowsItsRank) {
  GroupOptions options = OptionsFor(size());
  options.output = OutputMode::kAll;
  const GroupRun run = RunGroup(options, R"(
      (import std.io) (import std.parallel)
      (println (list (rank) (world-size) (primary?))))");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_EQ(std::count(run.output.begin(), run.output.end(), '\n'), size());
  for (int r = 0; r < size(); ++r) {
    const std::string rank = std::to_string(r), first = r == 0 ? "#t" : "#f";
    const std::string line = "[" + rank + "] (" + rank + " " + size_text() + " " + first + ")\n";
    EXPECT_TRUE(Contains(run.output, line));
  }
}

TEST_P(IsolateGroupTest, NobodyPassesABarrierBeforeAllHaveArrived) {
  const GroupRun run = RunGroup(OptionsFor(size()), R"(
      (import std.parallel)
      (define (check i)
        (if (< i 20)
            (begin
              (arrive!)
              (barrier)
              (if (not (= (arrived) (* (world-size) (+ i 1)))) (error "too early"))
              (barrier)
              (check (+ i 1)))))
      (check 0))");
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.diagnostic, "");
  EXPECT_EQ(arrived, 20 * size());
}

TEST_P(IsolateGroupTest, ShardRangesCoverAllRowsInRankOrder) {
  GroupOptions options = OptionsFor(size());
  options.output = OutputMode::kAll;
  const GroupRun run = RunGroup(options, R"(
      (import std.io) (import std.parallel)
      (println (list (shard-range 10) (shard-range 3) (shard-range 0))))");
  EXPECT_EQ(run.exit_code, 0);
  for (int r = 0; r < size(); ++r) {
    const auto range = [&](int rows) {
      const auto border = [&](int rank) {
        return std::to_string(rows / size() * rank + std::min(rank, rows % size()));
      };
      return "(" + border(r) + " " + border(r + 1) + ")";
    };
    const std::string ranges = "(" + range(10) + " " + range(3) + " " + range(0) + ")";
    EXPECT_TRUE(Contains(run.output, "[" + std::to_string(r) + "] " + ranges + "\n"));
  }
}

TEST_P(IsolateGroupTest, RankZeroAlonePrints) {
  const GroupRun run = RunGroup(size(), R"(
      (import std.io) (import std.parallel)
      (println (list "rank" (rank)))
      (display "no newline"))");
  EXPECT_EQ(run.output, "(rank 0)\nno newline");
}

TEST_P(IsolateGroupTest, EveryRankReadsAllInput) {
  GroupOptions options = OptionsFor(size());
  options.output = OutputMode::kAll;
  const GroupRun run = RunGroup(options, R"(
      (import std.io)
      (define (sum total)
        (let ((line (read-line)))
          (if line (sum (+ total (string->number line))) total)))
      (println (sum 0)))",
                                "1\n20\n300\n4000");
  EXPECT_EQ(run.exit_code, 0) << run.diagnostic;
  for (int r = 0; r < size(); ++r) {
    EXPECT_TRUE(Contains(run.output, "[" + std::to_string(r) + "] 4321\n"));
  }
}

TEST_P(IsolateGroupTest, ExitsAsAllRanksDo) {
  EXPECT_EQ(RunGroup(size(), "(import std.parallel) (barrier) (exit 7)").exit_code, 7);
  const GroupRun zero = RunGroup(size(), R"(
      (import std.parallel)
      (if (primary?) (exit 0)))");
  EXPECT_EQ(zero.exit_code, 0) << "to return is to exit with 0";
  EXPECT_EQ(zero.diagnostic, "");
}

TEST_P(IsolateGroupTest, LeavesNothingInMemory) {
  const std::string script = R"(
      (import std.parallel)
      (define things (list (make-thing) (make-thing) (make-thing)))
      (barrier)
      (if (= (rank) (- (world-size) 1)) (error "boom"))
      (barrier))";
  EXPECT_EQ(RunGroup(OptionsFor(size()), script).exit_code, 1);
  EXPECT_EQ(live_things, 0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, IsolateGroupTest, testing::Values(1, 2, 3, 4, 7));

TEST(IsolateGroupFilesTest, RankZeroAloneWritesFiles) {
  const std::string path = testing::TempDir() + "rank_zero_alone.txt";
  const GroupRun run = RunGroup(3, R"(
      (import std.io) (import std.parallel)
      (define path ")" + path + R"(")
      (define port (open-output-file path))
      (display (list "by rank" (rank)) port)
      (close-port port)
      (barrier)
      (println (read-line (open-input-file path)))
      (barrier)
      (delete-file path))");
  EXPECT_EQ(run.exit_code, 0) << run.diagnostic;
  EXPECT_EQ(run.output, "(by rank 0)\n");
  EXPECT_TRUE(Contains(run.notes, "note: rank 0 alone changes files"));
  EXPECT_EQ(std::count(run.notes.begin(), run.notes.end(), '\n'), 1) << run.notes;
}

TEST(IsolateGroupErrorStreamTest, LinesOfAllRanksComeOutWhole) {
  const GroupRun run = RunGroup(4, R"(
      (import std.io)
      (define (say i) (if (> i 0) (begin (eprintln "abcdefghijklmnopqrstuvwxyz") (say (- i 1)))))
      (say 50))");
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "abcdefghijklmnopqrstuvwxyz\n";
  EXPECT_EQ(run.notes, expected);
}

}  // namespace
}  // namespace eta::parallel
