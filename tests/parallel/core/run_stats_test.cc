#include "parallel/core/run_stats.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

void Spend(PhaseLog& log, Phase phase, int64_t seconds, uint64_t bytes = 0) {
  const int64_t begin = log.start_ns() + static_cast<int64_t>(log.written()) * 100 * kSecond;
  log.Add({.phase = phase, .bytes = bytes, .begin_ns = begin, .end_ns = begin + seconds * kSecond});
}

// Of what goes on beside a rank's own phases only reductions count as beside.
TEST(RunStatsTest, AddsUpThePhasesOfARank) {
  PhaseLog log;
  log.SetStep(7);
  Spend(log, Phase::kForward, 1);
  Spend(log, Phase::kBackward, 2);
  Spend(log, Phase::kReduce, 3, 1000);
  Spend(log, Phase::kWait, 4);
  Spend(log, Phase::kUpdate, 5);
  const RankStats stats = StatsOf(log, log.start_ns() + 25 * kSecond);
  EXPECT_EQ(stats.steps, 7u);
  EXPECT_EQ(stats.compute(), 8);
  EXPECT_EQ(stats.reduce, 3);
  EXPECT_EQ(stats.wait, 4);
  EXPECT_EQ(stats.bytes, 1000u);
  EXPECT_EQ(stats.overlap, 0);
  EXPECT_EQ(stats.beside, 3);
  EXPECT_NEAR(stats.other(), 13, 1e-9);
}

TEST(RunStatsTest, CountsThePhaseThatGoesOn) {
  PhaseLog log;
  const PhaseScope scope(&log, Phase::kWait);
  EXPECT_NEAR(StatsOf(log, log.phase_begin_ns() + 5 * kSecond).wait, 5, 1e-9);
}

TEST(RunStatsTest, OverlapIsTheShareBesideComputing) {
  PhaseLog log;
  {
    const PhaseScope scope(&log, Phase::kBackward);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const int64_t end = log.Last(1).at(0).end_ns;
  log.Add({.phase = Phase::kReduce, .begin_ns = end - 300'000, .end_ns = end + 100'000});
  const RankStats stats = StatsOf(log, end + kSecond);
  EXPECT_EQ(stats.overlap, 0.75);
  EXPECT_NEAR(stats.other(), stats.elapsed - stats.backward, 1e-9);
}

TEST(RunStatsTest, WhoWaitsLeastHoldsTheOthersUp) {
  std::vector<RankStats> stats(3);
  stats[0].wait = 2;
  stats[1].wait = 0.5;
  stats[2].wait = 3;
  EXPECT_EQ(Stragglers(stats), (std::vector<int>{1, 0, 2}));
  const std::string table = StatsTable(stats);
  EXPECT_NE(table.find("slowest first: rank 1, 0, 2; the others waited 2 s longer than rank 1\n"),
            std::string::npos)
      << table;
}

TEST(RunStatsTest, ReplayedStepsHaveALine) {
  Journal journal(2);
  journal.log(0).SetStep(10);
  journal.log(1).SetStep(10);
  EXPECT_EQ(StatsTable(journal, PhaseClock()).find("replayed"), std::string::npos);
  for (int i = 0; i < 8; ++i) journal.log(0).CountReplay();
  journal.log(1).CountReplay();
  const std::string table = StatsTable(journal, PhaseClock());
  EXPECT_TRUE(table.ends_with("\nreplayed: 9 of 20 steps\n")) << table;
  for (int i = 0; i < 5; ++i) journal.log(0).CountLaunch();
  EXPECT_TRUE(StatsTable(journal, PhaseClock()).ends_with(" 20 steps, 5 of them as graphs\n"));
}

TEST(RunStatsTest, TheTableHasALineForEachRank) {
  std::vector<RankStats> stats(1);
  stats[0] = {.steps = 20, .elapsed = 4, .forward = 1, .backward = 0.75, .update = 0.25};
  stats[0].reduce = 0.001, stats[0].bytes = 12'345'678;
  EXPECT_EQ(StatsTable(stats),
            "replica     steps          compute           reduce             wait            other"
            "      bytes  overlap\n"
            "      0        20        2 s  50 %       1 ms   0 %       0 us   0 %    1.999 s  50 %"
            "    12.3 MB      0 %\n");
}

// A rank that comes late is seen in the waiting of the others.
TEST(RunStatsTest, AWorldKeepsTheJournalOfItsRanks) {
  WorldOptions options = TestWorld(2);
  options.journal = std::make_shared<Journal>(2);
  const World::Outcome outcome = RunRanks(options, [](Member& member) {
    if (member.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    double value = 1;
    const Buffer buffer{&value, 1, DType::kFloat64, {}, nullptr};
    EXPECT_TRUE(member.communicator().AllReduce(buffer, ReduceOp::kSum, "a").status().ok());
  });
  EXPECT_TRUE(outcome.status.ok());
  const std::vector<RankStats> stats = StatsOf(*options.journal, PhaseClock());
  EXPECT_EQ(Stragglers(stats), (std::vector<int>{1, 0}));
  EXPECT_GT(stats[0].wait, 0.02);
  EXPECT_EQ(stats[0].bytes, sizeof(double));
  EXPECT_EQ(options.journal->log(0).total(Phase::kReduce).count, 1u);
}

TEST(BlackBoxTest, TellsWhatEachRankDoesAndDid) {
  Journal journal(2);
  journal.log(0).SetStep(4);
  Spend(journal.log(0), Phase::kForward, 2);
  Spend(journal.log(0), Phase::kWait, 1);
  const PhaseScope scope(&journal.log(1), Phase::kBackward);
  const std::string text = BlackBoxText(journal, journal.log(1).phase_begin_ns() + 3 * kSecond);
  EXPECT_NE(text.find("rank 0: step 4, between phases for 3 s; before: forward 2 s, wait 1 s\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("rank 1: step 0, backward for 3 s\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace eta::parallel
