#include "parallel/core/world.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>

#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Status Barrier(Member& member, const char* site) {
  return member.communicator().Barrier(site).status();
}

TEST(WorldTest, RefusesWhatItCannotMake) {
  EXPECT_EQ(World::Create({.devices = {}}).error().code, Code::kInvalid);
  EXPECT_EQ(World::Create({.backend = "mpi"}).error().code, Code::kInvalid);
  EXPECT_EQ(World::Create({.stall_timeout = seconds(0)}).error().code, Code::kInvalid);
}

TEST(WorldTest, EachSeatIsTakenOnce) {
  auto world = *World::Create(TestWorld(1));
  EXPECT_EQ(World::Join(world, 1).error().code, Code::kInvalid);
  EXPECT_EQ(World::Join(world, -1).error().code, Code::kInvalid);
  auto member = World::Join(world, 0);
  ASSERT_TRUE(member);
  EXPECT_EQ(World::Join(world, 0).error().code, Code::kInvalid);
  (*member)->Return();
  EXPECT_EQ(world->Wait().exit_code, 0);
}

TEST(WorldTest, ExchangeGivesEverybodysRecordInEachRound) {
  struct Record {
    int rank, round;
    char rest[120];
  };
  const World::Outcome outcome = RunRanks(TestWorld(3), [](Member& member) {
    std::vector<Record> all(3);
    for (int round = 0; round < 300; ++round) {
      ASSERT_TRUE(member.Exchange<Record>("records", {member.rank(), round}, all, "").ok());
      for (int r = 0; r < 3; ++r) {
        ASSERT_EQ(all[r].rank, r);
        ASSERT_EQ(all[r].round, round);
      }
    }
  });
  EXPECT_TRUE(outcome.status.ok());
}

TEST(WorldTest, AFailedRankEndsTheOthersWaits) {
  std::vector<Status> seen(3);
  const World::Outcome outcome = RunRanks(TestWorld(3), [&](Member& member) {
    if (member.rank() == 1) {
      std::this_thread::sleep_for(milliseconds(5));
      return member.Fail("train.eta:12:3", "car: () is not a pair");
    }
    seen[member.rank()] = Barrier(member, "train.eta:14:1");
    member.Fail("train.eta:14:1", "gave up");  // the second failure; the first one is the reason
  });
  EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
  EXPECT_EQ(outcome.status.rank, 1);
  EXPECT_EQ(outcome.status.message, "rank 1 failed at train.eta:12:3: car: () is not a pair");
  EXPECT_EQ(seen[0], outcome.status);
  EXPECT_EQ(seen[2], outcome.status);
  EXPECT_EQ(outcome.exit_code, 1);
}

TEST(WorldTest, AnEarlyLeaverEndsTheOthersWaits) {
  std::vector<Status> seen(3);
  const World::Outcome outcome = RunRanks(TestWorld(3), [&](Member& member) {
    ASSERT_TRUE(Barrier(member, "a.eta:1:1").ok());
    if (member.rank() == 2) return member.Exit(0, "a.eta:9:1");
    seen[member.rank()] = Barrier(member, "a.eta:3:1");
  });
  EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
  EXPECT_EQ(outcome.status.rank, 2);
  EXPECT_NE(outcome.status.message.find("rank 2 exited with 0 at a.eta:9:1, while rank"),
            std::string::npos)
      << outcome.status.message;
  EXPECT_EQ(seen[0], outcome.status);
  EXPECT_EQ(seen[1], outcome.status);
  EXPECT_EQ(outcome.exit_code, 1);
}

// The one that leaves right after a collective must not be taken for one that was missing in it.
TEST(WorldTest, LeavingAfterTheLastCollectiveIsFine) {
  for (int round = 0; round < 50; ++round) {
    const World::Outcome outcome = RunRanks(TestWorld(3), [&](Member& member) {
      EXPECT_TRUE(Barrier(member, "a.eta:1:1").ok());
      if (member.rank() == 0) member.Exit(0, "a.eta:9:1");
    });
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message;
  }
}

TEST(WorldTest, AllExitWithTheSameCode) {
  const World::Outcome outcome =
      RunRanks(TestWorld(3), [](Member& member) { member.Exit(7, "a.eta:9:1"); });
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.exit_code, 7);
}

TEST(WorldTest, DifferentExitCodesAreAFailure) {
  const World::Outcome outcome = RunRanks(TestWorld(3), [](Member& member) {
    if (member.rank() == 1) member.Exit(3, "a.eta:9:1");
  });
  EXPECT_EQ(outcome.status.code, Code::kDesync);
  EXPECT_EQ(outcome.status.message,
            "rank 0 returned, rank 1 exited with 3 at a.eta:9:1, rank 2 returned");
  EXPECT_EQ(outcome.exit_code, 1);
}

TEST(WorldTest, AbortFromOutsideWakesAll) {
  auto world = *World::Create(TestWorld(4));
  std::atomic<int> woken{0};
  std::latch all_started(4);
  std::thread outside([&] {
    all_started.wait();
    std::this_thread::sleep_for(milliseconds(5));
    world->Abort({Code::kAborted, "interrupted", -1});
    world->Abort({Code::kStalled, "too late to be the reason", -1});
  });
  const auto begin = Clock::now();
  const World::Outcome outcome = RunRanks(world, [&](Member& member) {
    all_started.count_down();
    if (member.rank() == 3) {  // in its own code: it sees the abort at a safepoint
      while (member.Poll().ok()) std::this_thread::yield();
    } else {
      EXPECT_EQ(Barrier(member, "").code, Code::kAborted);
    }
    EXPECT_EQ(member.Poll().message, "interrupted");
    ++woken;
  });
  outside.join();
  EXPECT_EQ(woken, 4);
  EXPECT_LT(Clock::now() - begin, seconds(5));
  EXPECT_EQ(outcome.status, (Status{Code::kAborted, "interrupted", -1}));
}

TEST(WorldTest, NobodyJoinsAWorldThatIsOver) {
  auto world = *World::Create(TestWorld(2));
  world->Abort({Code::kAborted, "enough", -1});
  for (int rank : {0, 1}) EXPECT_EQ(World::Join(world, rank).error().message, "enough");
  EXPECT_EQ(world->Wait().status.message, "enough");
}

TEST(WorldTest, AMemberThatSaysNothingHasFailed) {
  auto world = *World::Create(TestWorld(2));
  auto silent_member = *World::Join(world, 0);
  auto member = *World::Join(world, 1);
  std::thread silent([&] { silent_member.reset(); });
  std::thread waiting([&] {
    EXPECT_EQ(Barrier(*member, "").message, "rank 0 failed: its thread ended without a word");
    member->Return();
  });
  silent.join();
  waiting.join();
  EXPECT_EQ(world->Wait().status.rank, 0);
}

TEST(WorldTest, ARankThatNeverStartsEndsTheOthersWaits) {
  auto world = *World::Create(TestWorld(2));
  auto member = *World::Join(world, 0);
  std::thread waiting([&] {
    EXPECT_EQ(Barrier(*member, "").message, "rank 1 could not start: no threads left");
    member->Return();
  });
  world->GiveUpRank(1, "no threads left");
  waiting.join();
  EXPECT_EQ(world->Wait().exit_code, 1);
}

TEST(WorldTest, AWorldOfOneExchangesWithItself) {
  const World::Outcome outcome = RunRanks(TestWorld(1), [](Member& member) {
    std::vector<int> all(1);
    EXPECT_TRUE(member.Exchange<int>("x", 5, all, "").ok());
    EXPECT_EQ(all[0], 5);
    member.Exit(4, "");
  });
  EXPECT_EQ(outcome.exit_code, 4);
}

}  // namespace
}  // namespace eta::parallel
