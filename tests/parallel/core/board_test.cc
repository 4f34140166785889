#include "parallel/core/board.h"

#include <gtest/gtest.h>

#include <thread>

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;

TEST(BoardTest, AWaitEndsEvenWithoutAWatcher) {
  Board board({2}, milliseconds(20), /*cores=*/2);
  board.Join(0);
  const auto begin = Clock::now();
  const Status status = board.Meet(0, {.op = Op::kBarrier}, "a.eta:3:1", nullptr, 0);
  EXPECT_EQ(status.code, Code::kStalled);
  EXPECT_EQ(status.rank, 1);
  EXPECT_NE(status.message.find("\n  rank 1: has not started"), std::string::npos);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(board.reason(), status);
}

TEST(BoardTest, ViewsTellWhatRanksPublish) {
  Board board({2}, milliseconds(20), /*cores=*/1);
  EXPECT_EQ(board.View(1).state, RankState::kAbsent);
  EXPECT_TRUE(board.Join(1));
  EXPECT_FALSE(board.Join(1));
  board.SetStep(1, 12);
  board.SetPlace(1, "a.eta:9:1");
  board.SetStallTimeout(1, milliseconds(70));
  RankView view = board.View(1);
  EXPECT_EQ(view.state, RankState::kRunning);
  EXPECT_EQ(view.step, 12u);
  EXPECT_EQ(view.place, "a.eta:9:1");
  EXPECT_EQ(view.stall_timeout, milliseconds(70));
  board.LeaveExited(1, 5);
  view = board.View(1);
  EXPECT_EQ(view.state, RankState::kExited);
  EXPECT_EQ(view.exit_code, 5);
}

TEST(BoardTest, TheSleeperWakesAtAnAbort) {
  Board board({2}, milliseconds(20), /*cores=*/1);
  EXPECT_FALSE(board.SleepUntilAborted(milliseconds(1)));
  std::thread aborter([&] { board.Abort({Code::kAborted, "enough", -1}); });
  EXPECT_TRUE(board.SleepUntilAborted(std::chrono::seconds(20)));
  aborter.join();
  EXPECT_FALSE(board.View(0).acknowledged);
  EXPECT_EQ(board.Acknowledge(0).message, "enough");
  EXPECT_TRUE(board.View(0).acknowledged);
}

}  // namespace
}  // namespace eta::parallel
