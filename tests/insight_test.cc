// What --stats and --trace say about a training run, the same on every backend; nccl runs over the
// fake one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/golden.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

constexpr int kSteps = 3;
constexpr uint64_t kParameterBytes = 8 * (4 * 200 + 200 + 200 * 200 + 200);

// The second matrix has a part of its own in the exchange, the rest another.
constexpr const char* kTraining = R"(
(import std.core std.io std.torch std.parallel)
(define model (sequential (linear 4 200) (relu-layer) (linear 200 200)))
(define optimizer (sgd model 0.01))
(define (step i)
  (train-step! model optimizer mse-loss (shard (randn '(8 4))) (shard (randn '(8 200)))))
(for-each step '(1 2 3))
)";

struct Event {
  std::string phase;
  int line = 0;  // of the trace: ranks, and then what goes on beside them
  int step = 0, part = 0;
  uint64_t bytes = 0;
};

std::vector<Event> EventsIn(const std::string& trace) {
  static const std::regex event(
      R"re(\{"name":"(\w+)","ph":"X","pid":1,"tid":(\d+),"ts":[\d.]+,"dur":[\d.]+,)re"
      R"re("args":\{"step":(\d+)(,"part":(\d+),"bytes":(\d+))?\}\},)re");
  std::vector<Event> events;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (line.find("\"ph\":\"X\"") == std::string::npos) continue;
    EXPECT_TRUE(std::regex_match(line, found, event)) << line;
    events.push_back({found[1], std::stoi(found[2]), std::stoi(found[3]),
                      found[5].matched ? std::stoi(found[5]) : 0,
                      found[6].matched ? std::stoull(found[6]) : 0});
  }
  return events;
}

class InsightTest : public testing::TestWithParam<const char*> {
 protected:
  InsightTest() : folder_(testing::TempDir()) {
    setenv("ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so", 1);
    std::ofstream(folder_ / "train.eta") << kTraining;
  }

  Outcome Train(const std::string& options) {
    return RunEtai("--replicas 2 --threads 1 --backend " + std::string(GetParam()) + " " + options +
                   " " + (folder_ / "train.eta").string());
  }

  const fs::path folder_;
};

TEST_P(InsightTest, ATraceHasEveryPhaseOfEveryRank) {
  const fs::path trace = folder_ / "run.json";
  const Outcome outcome = Train("--trace " + trace.string());
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const std::string text = ReadWhole(trace);
  EXPECT_NE(text.find("\"lost records\",\"ph\":\"M\",\"pid\":1,\"tid\":0,\"args\":{\"count\":0}"),
            std::string::npos);
  using Step = std::pair<int, int>;  // rank, step
  std::map<Step, std::multiset<std::string>> phases;
  std::map<Step, std::map<int, uint64_t>> bytes;  // by part
  for (const Event& event : EventsIn(text)) {
    const Step step(event.line, event.step);
    phases[step].insert(event.phase);
    if (event.bytes > 0) bytes[step][event.part] += event.bytes;
  }
  for (int rank = 0; rank < 2; ++rank) {
    for (int step = 2; step <= kSteps; ++step) {  // in the first one there is more to do
      const auto& seen = phases[{rank, step}];
      const auto& parts = bytes[{rank, step}];
      ASSERT_EQ(parts.size(), 2u) << "rank " << rank << ", step " << step;
      for (const char* phase : {"forward", "update"}) {
        EXPECT_EQ(seen.count(phase), 1u) << phase << ", rank " << rank << ", step " << step;
      }
      // Over NCCL the buckets leave in the middle of the pass.
      const size_t pieces = std::string(GetParam()) == "nccl" ? parts.size() + 1 : 1;
      EXPECT_EQ(seen.count("backward"), pieces) << "rank " << rank << ", step " << step;
      EXPECT_GE(seen.count("wait"), 2u);
      EXPECT_GE(parts.at(0) + parts.at(1), kParameterBytes);
    }
  }
}

TEST_P(InsightTest, TheTableHasALineForEachReplica) {
  const Outcome outcome = Train("--stats");
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  static const std::regex table(R"(replica +steps +compute .*
 +0 +3 .*[kM]B +0 %
 +1 +3 .*[kM]B +0 %
slowest first: rank [01], [01]; .*
replayed: 2 of 6 steps
)");
  EXPECT_TRUE(std::regex_match(outcome.errors, table)) << outcome.errors;
}

TEST_P(InsightTest, TheTableIsShownOnceAfterAStall) {
  std::ofstream(folder_ / "train.eta") << "(import std.parallel) (define (spin) (spin))"
                                          "(barrier) (if (= (rank) 1) (spin)) (barrier)";
  const Outcome outcome = Train("--stall-timeout 0.5 --stats");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("rank 1: step 0, between phases for"), std::string::npos)
      << outcome.errors;
  const size_t table = outcome.errors.find("slowest first: rank 1, 0;");
  ASSERT_NE(table, std::string::npos) << outcome.errors;
  EXPECT_EQ(outcome.errors.find("slowest first", table + 1), std::string::npos) << outcome.errors;
}

INSTANTIATE_TEST_SUITE_P(Backends, InsightTest, testing::Values("local", "nccl"));

}  // namespace
}  // namespace eta
