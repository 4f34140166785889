// Ranks that go on without some others, in a world of their own.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

class SuccessionTest : public testing::TestWithParam<const char*> {
 protected:
  static WorldOptions Options(int ranks) {
    WorldOptions options = TestWorld(ranks);
    options.backend = GetParam();
    return options;
  }

  // Over the ranks that there are.
  static double Sum(Member& member, double x) {
    const Status status = member.communicator().AllReduce({&x, 1}, ReduceOp::kSum, "here").status();
    EXPECT_TRUE(status.ok()) << status.message;
    return x;
  }

  const FakeNccl nccl_;
};

INSTANTIATE_TEST_SUITE_P(Backends, SuccessionTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(SuccessionTest, ThoseThatStayGoOnWithNewNumbers) {
  const World::Outcome outcome = RunRanks(Options(4), [](Member& member) {
    const int former = member.rank();
    EXPECT_EQ(Sum(member, former), 0 + 1 + 2 + 3);
    if (former == 1) return;
    member.SetStep(7);
    const int staying[] = {0, 2, 3};
    ASSERT_TRUE(member.MoveOn(staying).ok());
    EXPECT_EQ(member.size(), 3);
    EXPECT_EQ(member.rank(), former == 0 ? 0 : former - 1);
    EXPECT_EQ(member.world().origin(member.rank()), former);
    EXPECT_EQ(member.world().board().View(member.rank()).step, 7u);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(Sum(member, former), 0 + 2 + 3);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST_P(SuccessionTest, AgainAndAgainDownToOne) {
  const World::Outcome outcome = RunRanks(Options(5), [](Member& member) {
    const int first = member.rank();
    std::vector<int> staying = {0, 1, 2, 3, 4};
    while (staying.size() > 1) {
      staying.pop_back();
      if (member.rank() == static_cast<int>(staying.size())) return;
      ASSERT_TRUE(member.MoveOn(staying).ok());
      EXPECT_EQ(member.world().origin(member.rank()), first);
      EXPECT_EQ(Sum(member, 1), static_cast<double>(staying.size()));
    }
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST_P(SuccessionTest, AFailureOfOneThatStayedIsThatOfTheRun) {
  const World::Outcome outcome = RunRanks(Options(3), [](Member& member) {
    if (member.rank() == 0) return;
    const int staying[] = {1, 2};
    ASSERT_TRUE(member.MoveOn(staying).ok());
    Sum(member, 1);  // who fails before others have come keeps them from coming
    if (member.rank() == 1) return member.Fail("f.eta:1:1", "boom");
    double x = 1;
    const Status status = member.communicator().AllReduce({&x, 1}, ReduceOp::kSum, "here").status();
    EXPECT_EQ(status.code, Code::kPeerFailed);
  });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.status.message, "rank 1 failed at f.eta:1:1: boom");
}

TEST_P(SuccessionTest, AnAbortReachesThoseThatHaveMovedOn) {
  auto world = World::Create(Options(3));
  ASSERT_TRUE(world);
  const World::Outcome outcome = RunRanks(*world, [&](Member& member) {
    if (member.rank() == 2) return;
    const int staying[] = {0, 1};
    ASSERT_TRUE(member.MoveOn(staying).ok());
    Sum(member, 1);  // an abort before others have come keeps them from coming
    if (member.rank() == 1) (*world)->Abort({Code::kAborted, "enough", -1});
    while (member.communicator().Barrier("here").status().ok()) {
    }
  });
  EXPECT_EQ(outcome.status.message, "enough");
}

TEST_P(SuccessionTest, ASuccessorOfAWorldThatIsOverIsOver) {
  auto world = World::Create(Options(3));
  ASSERT_TRUE(world);
  RunRanks(*world, [&](Member& member) {
    const int staying[] = {0, 1};
    if (member.rank() == 2) return;
    (*world)->Abort({Code::kAborted, "enough", -1});
    EXPECT_EQ(member.MoveOn(staying).message, "enough");
  });
}

TEST_P(SuccessionTest, ItsRanksWriteTheSameLogs) {
  WorldOptions options = Options(3);
  options.journal = std::make_shared<Journal>(3);
  const auto journal = options.journal;
  uint64_t before = 0;
  RunRanks(std::move(options), [&](Member& member) {
    if (member.rank() == 1) return;
    if (member.rank() == 2) before = journal->log(2).written();
    const int staying[] = {0, 2};
    ASSERT_TRUE(member.MoveOn(staying).ok());
    Sum(member, 1);
  });
  EXPECT_GT(journal->log(2).written(), before);
}

// Who is asked to stop is the one whose number it was.
TEST_P(SuccessionTest, TheSupervisorCallsRanksByTheirFirstNumbers) {
  WorldOptions options = Options(3);
  std::vector<std::atomic<int>> asked(3);
  options.supervisor.interrupt = [&](int rank) { ++asked[static_cast<size_t>(rank)]; };
  RunRanks(std::move(options), [](Member& member) {
    if (member.rank() == 1) return;
    const int staying[] = {0, 2};
    ASSERT_TRUE(member.MoveOn(staying).ok());
    Sum(member, 1);
    if (member.rank() == 1) return member.Fail("", "boom");
    while (member.communicator().Barrier("here").status().ok()) {
    }
  });
  EXPECT_EQ(asked[0], 1);
  EXPECT_EQ(asked[1], 0);
  EXPECT_EQ(asked[2], 1);
}

}  // namespace
}  // namespace eta::parallel
