// The judgements of the watcher, at made-up times. Ranks are put where they should be by threads
// that block in the board; nothing here waits for a timeout.
#include "parallel/core/watch.h"

#include <gtest/gtest.h>

#include <thread>

namespace eta::parallel {
namespace {

using std::chrono::seconds;

class WatchTest : public testing::Test {
 protected:
  WatchTest() : board_({3}, seconds(30), /*cores=*/1), watch_(board_) {
    for (int r = 0; r < 3; ++r) board_.Join(r);
  }

  ~WatchTest() override {
    board_.Abort({Code::kAborted, "end of test", -1});
    for (std::thread& thread : threads_) thread.join();
  }

  // Rank r enters a barrier, and is in it when this returns.
  void Enter(int rank, const char* site) {
    threads_.emplace_back([this, rank, site] {
      EXPECT_FALSE(board_.Meet(rank, {.op = Op::kBarrier}, site, nullptr, 0).ok());
    });
    while (board_.View(rank).state != RankState::kWaiting) std::this_thread::yield();
  }

  Watch::Verdict LookAt(int second) { return watch_.Look(Deadline(seconds(1000 + second))); }

  Board board_;
  Watch watch_;
  std::vector<std::thread> threads_;
};

TEST_F(WatchTest, NobodyWaitsNothingHappens) {
  LookAt(0);
  const auto verdict = LookAt(1000);
  EXPECT_FALSE(verdict.abort);
  EXPECT_FALSE(verdict.warning);
  EXPECT_TRUE(verdict.ask_place.empty());
}

TEST_F(WatchTest, AsksWarnsOnceAndGivesUp) {
  Enter(0, "a.eta:3:1");
  Enter(2, "a.eta:3:1");
  board_.SetStep(1, 7);
  board_.SetPlace(1, "a.eta:9:1");
  EXPECT_FALSE(LookAt(0).warning);
  EXPECT_TRUE(LookAt(4).ask_place.empty());
  EXPECT_EQ(LookAt(5).ask_place, std::vector<int>{1});
  EXPECT_FALSE(LookAt(9).warning);
  EXPECT_EQ(LookAt(10).warning,
            "rank 0 has waited 10 s in barrier at a.eta:3:1 for rank 1, last seen at a.eta:9:1");
  EXPECT_FALSE(LookAt(11).warning);
  EXPECT_FALSE(LookAt(29).abort);
  const auto abort = LookAt(30).abort;
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->code, Code::kStalled);
  EXPECT_EQ(abort->rank, 1);
  EXPECT_EQ(abort->message,
            "rank 0 has waited 30 s in barrier at a.eta:3:1 for rank 1, last seen at a.eta:9:1\n"
            "  rank 0: waiting in barrier at a.eta:3:1\n"
            "  rank 1: running in step 7 at a.eta:9:1\n"
            "  rank 2: waiting in barrier at a.eta:3:1");
}

TEST_F(WatchTest, ARankThatAskedForMoreTimeGetsIt) {
  Enter(0, "a.eta:3:1");
  board_.SetStallTimeout(1, seconds(300));
  LookAt(0);
  EXPECT_FALSE(LookAt(60).abort);
  const auto abort = LookAt(300).abort;
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->rank, -1) << "two ranks are missing";
}

TEST_F(WatchTest, AShorterTimeHoldsOnceAllHaveSetIt) {
  for (int r = 0; r < 3; ++r) board_.SetStallTimeout(r, seconds(2));
  Enter(0, "a.eta:3:1");
  LookAt(0);
  EXPECT_TRUE(LookAt(2).abort);
}

TEST_F(WatchTest, ADepartedRankIsNoticedAtOnce) {
  Enter(0, "a.eta:3:1");
  board_.SetPlace(2, "a.eta:9:1");
  board_.LeaveExited(2, 3);
  const auto abort = LookAt(0).abort;
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->code, Code::kPeerFailed);
  EXPECT_EQ(abort->rank, 2);
  EXPECT_EQ(abort->message,
            "rank 2 exited with 3 at a.eta:9:1, while rank 0 waits for it in barrier at a.eta:3:1");
}

TEST_F(WatchTest, AReturnedRankIsNoticedAtOnce) {
  Enter(1, "a.eta:3:1");
  board_.SetPlace(0, "a.eta:9:1");
  board_.LeaveReturned(0);
  EXPECT_EQ(LookAt(0).abort->message,
            "rank 0 returned, last seen at a.eta:9:1, while rank 1 waits for it in barrier at "
            "a.eta:3:1");
}

TEST_F(WatchTest, DeparturesHarmNobodyWhileNobodyWaits) {
  board_.LeaveReturned(0);
  board_.LeaveExited(1, 0);
  EXPECT_FALSE(LookAt(0).abort);
  EXPECT_FALSE(LookAt(1000).abort);
}

// --- processes that are not heard of -------------------------------------------------------------

RankView Silent(std::chrono::nanoseconds silence, std::chrono::nanoseconds stall_timeout,
                RankState state = RankState::kRunning) {
  return {.state = state, .stall_timeout = stall_timeout, .silence = silence};
}

int FirstLostOf(const std::vector<RankView>& ranks) { return FirstLost(ranks); }

TEST(FirstLostTest, IsJudgedBeforeTheStallTimeIsOver) {
  const RankView heard = Silent(seconds(0), seconds(30));
  EXPECT_EQ(FirstLostOf({heard, Silent(seconds(27), seconds(30))}), -1);
  EXPECT_EQ(FirstLostOf({heard, Silent(seconds(28), seconds(30))}), 1);
}

TEST(FirstLostTest, MoreTimeIsForAll) {
  EXPECT_EQ(FirstLostOf({Silent(seconds(0), seconds(300)), Silent(seconds(29), seconds(30))}), -1);
  EXPECT_EQ(FirstLostOf({Silent(seconds(0), seconds(300)), Silent(seconds(298), seconds(30))}), 1);
}

TEST(FirstLostTest, ThoseThatHaveNotStartedHaveTheWholeTime) {
  EXPECT_EQ(FirstLostOf({Silent(seconds(29), seconds(30), RankState::kAbsent)}), -1);
  EXPECT_EQ(FirstLostOf({Silent(seconds(30), seconds(30), RankState::kAbsent)}), 0);
}

TEST(FirstLostTest, WhenAllHaveLeftTheyMayBeSilent) {
  const RankView returned = Silent(seconds(28), seconds(30), RankState::kReturned);
  const RankView exited = Silent(seconds(0), seconds(30), RankState::kExited);
  EXPECT_EQ(FirstLostOf({exited, returned}), -1);
  EXPECT_EQ(FirstLostOf({Silent(seconds(0), seconds(30)), returned}), 1);
}

}  // namespace
}  // namespace eta::parallel
