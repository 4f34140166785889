// Collectives that go on while their rank does something else.
#include "parallel/core/beside.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;

void Pause() { std::this_thread::sleep_for(milliseconds(1)); }

// A rank with such a thread.
class Rank {
 public:
  explicit Rank(Member& member)
      : member_(member), board_(member.world().board()), beside_(board_, member.rank()) {}

  // Meets the others, who have to agree on the count.
  Work Start(size_t count = 0) {
    const auto meet = [this, count] {
      return board_.Meet(member_.rank(), {.op = Op::kBarrier, .count = count}, "a.eta:1:1", nullptr,
                         0);
    };
    return beside_.Start(meet, /*bytes=*/8);
  }

  Board& board() { return board_; }

 private:
  Member& member_;
  Board& board_;
  Beside beside_;
};

TEST(BesideTest, GoesOnWhileTheRankComputes) {
  std::atomic<bool> computing{false};
  RunRanks(TestWorld(2), [&](Member& member) {
    Rank rank(member);
    if (member.rank() == 1) {
      // Rank 0 is in the collective and at its own work at once.
      while (!computing || rank.board().View(0).state != RankState::kWaiting) Pause();
      EXPECT_TRUE(rank.Start().Wait(Deadline::max()).ok());
      computing = false;
      return;
    }
    Work work = rank.Start();
    EXPECT_EQ(work.Wait(Clock::now() + milliseconds(1)).code, Code::kStalled);
    {
      const PhaseScope scope(&member.log(), Phase::kBackward);
      computing = true;
      while (computing) Pause();
    }
    EXPECT_TRUE(work.Wait(Deadline::max()).ok());
    EXPECT_TRUE(work.Done());
    EXPECT_GT(member.log().hidden_ns(), 0);
    EXPECT_EQ(member.log().total(Phase::kReduce).bytes, 8u);
    EXPECT_TRUE(member.log().Last(1)[0].beside);
  });
}

TEST(BesideTest, OneComesAfterTheOther) {
  const World::Outcome outcome = RunRanks(TestWorld(3), [&](Member& member) {
    Rank rank(member);
    std::vector<Work> works;
    for (size_t i = 0; i < 100; ++i) works.push_back(rank.Start(i));
    for (Work& work : works) EXPECT_TRUE(work.Wait(Deadline::max()).ok());
    EXPECT_TRUE(member.communicator().Barrier("a.eta:2:1").status().ok());
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(BesideTest, ThoseThatDisagreeAllLearnIt) {
  RunRanks(TestWorld(2), [&](Member& member) {
    Rank rank(member);
    const Status status = rank.Start(static_cast<size_t>(member.rank())).Wait(Deadline::max());
    EXPECT_EQ(status.code, Code::kDesync);
    EXPECT_EQ(status, rank.board().reason());
  });
}

// It has come to the first one, and then hangs in its own work.
TEST(BesideTest, ARankThatHangsIsNamed) {
  WorldOptions options = TestWorld(3);
  options.stall_timeout = milliseconds(200);
  const World::Outcome outcome = RunRanks(std::move(options), [&](Member& member) {
    Rank rank(member);
    EXPECT_TRUE(rank.Start().Wait(Deadline::max()).ok());
    if (member.rank() == 1) {
      while (member.Poll().ok()) Pause();
    } else {
      EXPECT_EQ(rank.Start().Wait(Deadline::max()).code, Code::kStalled);
    }
  });
  EXPECT_EQ(outcome.status.rank, 1);
}

TEST(BesideTest, AnAbortIsTheRanksOwnToNotice) {
  RunRanks(TestWorld(2), [&](Member& member) {
    if (member.rank() == 1) {
      while (member.Poll().ok()) Pause();
      return;
    }
    Rank rank(member);
    Work work = rank.Start();
    while (rank.board().View(0).state != RankState::kWaiting) Pause();
    rank.board().Abort({Code::kAborted, "enough", -1});
    while (!work.Done()) Pause();
    EXPECT_FALSE(rank.board().View(0).acknowledged);
    EXPECT_EQ(work.Wait(Deadline::max()).message, "enough");
    EXPECT_TRUE(rank.board().View(0).acknowledged);
  });
}

TEST(BesideTest, WhatIsThrownEndsTheWorld) {
  const World::Outcome outcome = RunRanks(TestWorld(2), [&](Member& member) {
    if (member.rank() == 1) {
      EXPECT_FALSE(member.communicator().Barrier("a.eta:1:1").status().ok());
      return;
    }
    Beside beside(member.world().board(), 0);
    const auto fail = []() -> Status { throw std::runtime_error("no memory"); };
    EXPECT_FALSE(beside.Start(fail, 0).Wait(Deadline::max()).ok());
  });
  EXPECT_EQ(outcome.status.message, "rank 0 could not exchange data: no memory");
}

}  // namespace
}  // namespace eta::parallel
