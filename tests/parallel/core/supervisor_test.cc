// Stalls and ranks that do not stop, with real threads and short times.
#include "parallel/core/supervisor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Status Barrier(Member& member, const char* site) {
  return member.communicator().Barrier(site).status();
}

TEST(SupervisorTest, AStalledRankEndsTheWorld) {
  std::atomic<bool> asked{false}, interrupted{false};
  std::atomic<int> warnings{0};
  std::vector<Status> seen(3);
  WorldOptions options = TestWorld(3);
  options.stall_timeout = milliseconds(60);
  options.supervisor.ask_place = [&](int rank) {
    EXPECT_EQ(rank, 1);
    asked = true;
  };
  options.supervisor.interrupt = [&](int rank) {
    if (rank == 1) interrupted = true;
  };
  options.supervisor.warn = [&](const std::string& text) {
    ++warnings;
    EXPECT_EQ(text.rfind("warning: rank 0 has waited", 0), 0u) << text;
  };
  const auto begin = Clock::now();
  const World::Outcome outcome = RunRanks(std::move(options), [&](Member& member) {
    ASSERT_TRUE(Barrier(member, "a.eta:1:1").ok());
    if (member.rank() == 1) {
      // An endless loop of a program, whose safepoints do what they are asked to.
      while (!interrupted) {
        if (asked) member.SetPlace("a.eta:9:1");
        std::this_thread::sleep_for(milliseconds(1));
      }
      seen[1] = member.Poll();
    } else {
      seen[member.rank()] = Barrier(member, "a.eta:3:1");
    }
  });
  EXPECT_GE(Clock::now() - begin, milliseconds(60));
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  EXPECT_EQ(outcome.status.rank, 1);
  EXPECT_NE(outcome.status.message.find("\n  rank 1: running at a.eta:9:1, last collective "
                                        "barrier at a.eta:1:1"),
            std::string::npos)
      << outcome.status.message;
  EXPECT_EQ(warnings, 1);
  for (const Status& status : seen) EXPECT_EQ(status, outcome.status);
}

TEST(SupervisorTest, ARankThatDoesNotStopInTimeIsReported) {
  std::atomic<bool> reported{false};
  std::string report;
  WorldOptions options = TestWorld(2);
  options.supervisor.abort_deadline = milliseconds(20);
  options.supervisor.unresponsive = [&](const std::string& text) {
    report = text;
    reported = true;
  };
  RunRanks(std::move(options), [&](Member& member) {
    if (member.rank() == 0) return member.Fail("a.eta:3:1", "no such file");
    member.SetPlace("a.eta:9:1");
    while (!reported) std::this_thread::sleep_for(milliseconds(1));  // asleep in a library, say
    member.Return();
  });
  EXPECT_EQ(report,
            "rank 0 failed at a.eta:3:1: no such file\n"
            "rank 1 did not stop in time\n"
            "  rank 1: running at a.eta:9:1");
}

TEST(SupervisorTest, ABackendThatCannotBeAbortedIsReported) {
  std::atomic<bool> reported{false};
  Board board({2}, seconds(10), /*cores=*/1);
  {
    SupervisorOptions options;
    options.tick = milliseconds(1);
    options.abort_deadline = milliseconds(10);
    options.abort_backends = [&](const Status& reason) {
      EXPECT_EQ(reason.message, "enough");
      while (!reported) std::this_thread::sleep_for(milliseconds(1));
    };
    options.unresponsive = [&](const std::string& text) {
      EXPECT_EQ(text, "enough\nthe devices' collectives could not be aborted in time");
      reported = true;
    };
    Supervisor supervisor(board, std::move(options));
    board.Abort({Code::kAborted, "enough", -1});
    while (!reported) std::this_thread::sleep_for(milliseconds(1));
  }
}

TEST(SupervisorTest, ABusyWorldIsLeftAlone) {
  WorldOptions options = TestWorld(3);
  options.stall_timeout = milliseconds(150);
  const World::Outcome outcome = RunRanks(std::move(options), [](Member& member) {
    for (int i = 0; i < 10; ++i) {  // longer than the stall timeout in all, but not in one wait
      if (member.rank() == i % 3) std::this_thread::sleep_for(milliseconds(20));
      ASSERT_TRUE(Barrier(member, "a.eta:1:1").ok());
    }
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(SupervisorDeathTest, TheDefaultEndsTheProcess) {
  EXPECT_EXIT(
      {
        Board board({2}, seconds(10), 1);
        Supervisor supervisor(board, {.tick = milliseconds(1), .abort_deadline = milliseconds(5)});
        board.Join(0);
        board.Abort({Code::kAborted, "enough", -1});
        std::this_thread::sleep_for(seconds(10));
      },
      testing::ExitedWithCode(1), "enough\nrank 0 did not stop in time");
}

}  // namespace
}  // namespace eta::parallel
