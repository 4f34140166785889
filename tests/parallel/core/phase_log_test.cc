#include "parallel/core/phase_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace eta::parallel {
namespace {

// A record of one phase from `begin` to `end`.
PhaseRecord Spent(Phase phase, int64_t begin, int64_t end, uint64_t bytes = 0) {
  return {.phase = phase, .bytes = bytes, .begin_ns = begin, .end_ns = end};
}

TEST(PhaseLogTest, NotesPhasesWithTheirStep) {
  PhaseLog log;
  log.SetStep(3);
  { const PhaseScope scope(&log, Phase::kForward); }
  { const PhaseScope scope(&log, Phase::kReduce, 100, 2); }
  const std::vector<PhaseRecord> last = log.Last(10);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].phase, Phase::kForward);
  EXPECT_EQ(last[0].step, 3u);
  EXPECT_EQ(last[1].phase, Phase::kReduce);
  EXPECT_EQ(last[1].bytes, 100u);
  EXPECT_EQ(last[1].part, 2u);
  EXPECT_LE(last[0].begin_ns, last[0].end_ns);
  EXPECT_LE(last[0].end_ns, last[1].begin_ns);
  EXPECT_EQ(log.phase(), Phase::kOther);
}

TEST(PhaseLogTest, AnOuterPhaseStandsStillMeanwhile) {
  PhaseLog log;
  {
    const PhaseScope outer(&log, Phase::kReduce, 100);
    EXPECT_EQ(log.phase(), Phase::kReduce);
    { const PhaseScope inner(&log, Phase::kWait); }
    EXPECT_EQ(log.phase(), Phase::kReduce);
  }
  const std::vector<PhaseRecord> last = log.Last(10);
  ASSERT_EQ(last.size(), 3u);
  EXPECT_EQ(last[0].phase, Phase::kReduce);
  EXPECT_EQ(last[1].phase, Phase::kWait);
  EXPECT_EQ(last[2].phase, Phase::kReduce);
  EXPECT_EQ(last[0].end_ns, last[1].begin_ns);
  EXPECT_EQ(last[1].end_ns, last[2].begin_ns);
  EXPECT_EQ(log.total(Phase::kReduce).bytes, 100u);
  EXPECT_EQ(log.total(Phase::kReduce).ns + log.total(Phase::kWait).ns,
            last[2].end_ns - last[0].begin_ns);
}

TEST(PhaseLogTest, APhaseWithinTheSameIsAPieceOfIt) {
  PhaseLog log;
  {
    const PhaseScope outer(&log, Phase::kReduce, 100, 2);
    { const PhaseScope inner(&log, Phase::kReduce, 20); }
    EXPECT_EQ(log.phase(), Phase::kReduce);
    EXPECT_EQ(log.now().bytes, 120u);
  }
  const std::vector<PhaseRecord> last = log.Last(10);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].part, 2u);
  EXPECT_EQ(last[0].bytes, 120u);
  EXPECT_EQ(log.phase(), Phase::kOther);
}

TEST(PhaseLogTest, KeepsTheLastOnesAndAllOfTheTotals) {
  PhaseLog log(4);
  for (int i = 0; i < 10; ++i) log.Add(Spent(Phase::kUpdate, i * 10, i * 10 + i, 1));
  EXPECT_EQ(log.written(), 10u);
  EXPECT_EQ(log.total(Phase::kUpdate).count, 10u);
  EXPECT_EQ(log.total(Phase::kUpdate).ns, 45);
  EXPECT_EQ(log.total(Phase::kUpdate).bytes, 10u);
  const std::vector<PhaseRecord> last = log.Last(100);
  ASSERT_EQ(last.size(), 4u);
  EXPECT_EQ(last.front().begin_ns, 60);
  EXPECT_EQ(last.back().begin_ns, 90);
  EXPECT_EQ(log.Last(1).at(0).begin_ns, 90);
  PhaseRecord record;
  EXPECT_FALSE(log.Read(5, &record));
  EXPECT_TRUE(log.Read(6, &record));
  EXPECT_FALSE(log.Read(10, &record));
}

// The last record is that of the scope.
PhaseRecord Compute(PhaseLog& log, std::chrono::milliseconds time) {
  {
    const PhaseScope scope(&log, Phase::kBackward);
    std::this_thread::sleep_for(time);
  }
  return log.Last(1).at(0);
}

TEST(PhaseLogTest, WhatSharesItsTimeWithComputingIsHidden) {
  using std::chrono::milliseconds;
  PhaseLog log;
  const PhaseRecord first = Compute(log, milliseconds(3)), second = Compute(log, milliseconds(2));
  { const PhaseScope scope(&log, Phase::kWait); }
  log.Add(Spent(Phase::kReduce, first.begin_ns + 1000, first.end_ns));  // all of it
  const int64_t all = first.end_ns - first.begin_ns - 1000;
  EXPECT_EQ(log.hidden_ns(), all);
  log.Add(Spent(Phase::kReduce, second.end_ns - 20, second.end_ns + 40));  // a third
  EXPECT_EQ(log.hidden_ns(), all + 20);
  log.Add(Spent(Phase::kReduce, second.end_ns, second.end_ns + 40));  // nothing
  EXPECT_EQ(log.hidden_ns(), all + 20);
  EXPECT_TRUE(log.Last(1).at(0).beside);
  EXPECT_EQ(log.beside_ns(), all + 60 + 40);
}

TEST(PhaseLogTest, ComputingThatGoesOnHidesToo) {
  PhaseLog log;
  const PhaseScope scope(&log, Phase::kBackward);
  const int64_t begin = log.phase_begin_ns();
  log.Add(Spent(Phase::kReduce, begin - 10, begin + 30));
  EXPECT_EQ(log.hidden_ns(), 30);
}

TEST(PhaseLogTest, NoLogIsNoTrouble) { const PhaseScope scope(nullptr, Phase::kForward); }

TEST(PhaseLogTest, ReadersNeverSeeHalfOfARecord) {
  PhaseLog log(8);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int64_t i = 1; i <= 20000; ++i) {
      log.SetStep(static_cast<uint64_t>(i));
      log.Add(Spent(Phase::kWait, i, 3 * i, static_cast<uint64_t>(2 * i)));
      const PhaseScope scope(&log, Phase::kForward);
    }
    done = true;
  });
  uint64_t read = 0;
  while (!done || read == 0) {
    for (const PhaseRecord& record : log.Last(8)) {
      if (record.phase != Phase::kWait) continue;
      ASSERT_EQ(record.end_ns, 3 * record.begin_ns);
      ASSERT_EQ(record.bytes, static_cast<uint64_t>(2 * record.begin_ns));
      ++read;
    }
  }
  writer.join();
  EXPECT_EQ(log.written(), 40000u);
  EXPECT_EQ(log.total(Phase::kWait).count, 20000u);
}

}  // namespace
}  // namespace eta::parallel
