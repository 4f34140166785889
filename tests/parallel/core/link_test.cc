// Worlds of several processes: how these number their ranks, and what each gets to know of what
// goes wrong in another.
#include "parallel/core/link/link.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/loopback.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settled {
  std::shared_ptr<Link> link;
  Status status;
};

std::vector<Settled> Connect(const std::vector<Link::Introduction>& introductions) {
  LoopbackJob job(static_cast<int>(introductions.size()));
  std::vector<Settled> settled(introductions.size());
  RunProcesses(job, introductions, [&](size_t p, const Result<std::shared_ptr<Link>>& link) {
    settled[p] = link ? Settled{*link, {}} : Settled{nullptr, link.error()};
  });
  return settled;
}

TEST(LinkTest, NumbersTheRanksInTheOrderOfTheProcesses) {
  const auto settled = Connect({{.ranks = 2, .seed = 7, .cores = "0-3"},
                                {.ranks = 1, .seed = 8, .cores = "4-7"},
                                {.ranks = 3, .seed = 9, .cores = "0-3"}});
  const int firsts[] = {0, 2, 3}, here[] = {2, 1, 3}, on_cores[] = {5, 1, 5};
  for (int p = 0; p < 3; ++p) {
    const Link& link = *settled[static_cast<size_t>(p)].link;
    EXPECT_EQ(link.seats().size, 6);
    EXPECT_EQ(link.seats().first, firsts[p]);
    EXPECT_EQ(link.seats().here, here[p]);
    EXPECT_EQ(link.seed(), 7u);
    EXPECT_EQ(link.ranks_on_cores(), on_cores[p]);
    EXPECT_EQ(link.ProcessOf(1), 0);
    EXPECT_EQ(link.ProcessOf(2), 1);
    EXPECT_EQ(link.ProcessOf(5), 2);
  }
}

TEST(LinkTest, KnowsWhetherThereAreSeveralMachines) {
  const std::vector<Link::Introduction> three(3);
  for (const std::string& last : {std::string("a"), std::string("b")}) {
    LoopbackJob job(3, {"a", "a", last});
    RunProcesses(job, three, [&](size_t, const Result<std::shared_ptr<Link>>& link) {
      EXPECT_EQ((*link)->several_machines(), last == "b");
    });
  }
}

TEST(LinkTest, RefusesProcessesThatWereNotStartedAlike) {
  const auto settled = Connect({{.agreement = "etai 1\n--dtype float64\n"},
                                {.agreement = "etai 1\n--dtype float32\n--split\n"}});
  for (const Settled& each : settled) {
    EXPECT_EQ(each.status.code, Code::kDesync);
    EXPECT_EQ(each.status.message,
              "the processes were not started alike: process 0 on testhost has --dtype float64, "
              "process 1 on testhost has --dtype float32");
  }
}

TEST(LinkTest, DoesNotWaitForeverForAProcess) {
  LoopbackJob job(2);
  const auto link = Link::Connect(job.Connect(0), {}, milliseconds(20));
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Code::kStalled);
}

// Two processes, with ranks 0 and 1, and 2.
class JobTest : public testing::Test {
 protected:
  std::vector<World::Outcome> Run(const RankBody& body) {
    return RunJob(job_, {2, 1}, options_, body);
  }

  LoopbackJob job_{2};
  WorldOptions options_ = TestWorld(0);
};

TEST_F(JobTest, ExchangesRecords) {
  const auto outcomes = Run([](Member& member) {
    EXPECT_EQ(member.size(), 3);
    for (int round = 0; round < 100; ++round) {
      std::vector<int> all(3);
      ASSERT_TRUE(member.Exchange("test", member.rank() + round, std::span(all), "a").ok());
      EXPECT_EQ(all, (std::vector<int>{round, round + 1, round + 2}));
    }
  });
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST_F(JobTest, AFailureElsewhereEndsTheWaitWithItsRankAndPlace) {
  const auto outcomes = Run([](Member& member) {
    if (member.rank() == 2) return member.Fail("train.eta:3:1", "no such file");
    EXPECT_EQ(member.communicator().Barrier("a").status().rank, 2);
  });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.status.message, "rank 2 failed at train.eta:3:1: no such file");
  }
}

TEST_F(JobTest, ADepartureElsewhereIsNoticed) {
  const auto outcomes = Run([](Member& member) {
    member.SetPlace("train.eta:9:1");
    if (member.rank() == 0) return;
    EXPECT_FALSE(member.communicator().Barrier("train.eta:5:1").status().ok());
  });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
    EXPECT_EQ(outcome.status.rank, 0);
  }
}

TEST_F(JobTest, DifferentCallsAreNamedOnAllProcesses) {
  const auto outcomes = Run([](Member& member) {
    float x = 1;
    const Buffer buffer{&x, 1, DType::kFloat32};
    Communicator& comm = member.communicator();
    const Status status = member.rank() == 2
                              ? comm.Broadcast(buffer, 1, "train.eta:5:1").status()
                              : comm.AllReduce(buffer, ReduceOp::kSum, "train.eta:9:1").status();
    EXPECT_EQ(status.code, Code::kDesync);
    EXPECT_EQ(x, 1);
  });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.status.message,
              "ranks 0 and 1 are in all-reduce of 1 float32 at train.eta:9:1, rank 2 in broadcast "
              "of 1 float32 from rank 1 at train.eta:5:1");
    EXPECT_EQ(outcome.status.rank, 2);
  }
}

TEST_F(JobTest, ExitCodesOfAllProcessesAreCompared) {
  const auto same = Run([](Member& member) { member.Exit(3, "a"); });
  for (const auto& outcome : same) EXPECT_EQ(outcome.exit_code, 3);
}

TEST_F(JobTest, ExitCodesThatDifferAreAnError) {
  const auto outcomes =
      Run([](Member& member) { member.Exit(member.rank() / 2, "train.eta:9:1"); });
  for (const auto& outcome : outcomes) {
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(
        outcome.status.message,
        "rank 0 exited with 0 at train.eta:9:1, rank 1 exited with 0 at train.eta:9:1, rank 2 "
        "exited with 1 at train.eta:9:1");
  }
}

// Until the world is over, as a program that computes.
void Compute(Member& member) {
  while (member.Poll().ok()) std::this_thread::sleep_for(milliseconds(1));
}

class SilenceInJobTest : public JobTest {
 protected:
  static constexpr seconds kStallTime{2};

  // Process 1 is as one whose link is cut, while the others do this. Both end within the stall
  // time, and name each other.
  void ExpectBothEndInTime(const RankBody& others) {
    options_.stall_timeout = kStallTime;
    Deadline cut;
    const auto outcomes = Run([&](Member& member) {
      ASSERT_TRUE(member.communicator().Barrier("a").status().ok());
      if (member.rank() < 2) return others(member);
      std::this_thread::sleep_for(kHeartbeat / 2);  // all know that all have started
      cut = Clock::now();
      job_.Silence(1);
      Compute(member);
    });
    EXPECT_LT(Clock::now() - cut, kStallTime);
    const std::string names[] = {"process 1 on testhost", "process 0 on testhost"};
    for (size_t p = 0; p < 2; ++p) {
      const Status& status = outcomes[p].status;
      EXPECT_EQ(status.code, Code::kStalled);
      EXPECT_NE(status.message.find(names[p] + " has not been heard of for"), std::string::npos)
          << status.message;
      EXPECT_EQ(outcomes[p].exit_code, 1);
    }
    EXPECT_EQ(outcomes[0].status.rank, 2);
  }
};

TEST_F(SilenceInJobTest, IsNoticedByThoseThatWait) {
  ExpectBothEndInTime([](Member& member) {
    EXPECT_EQ(member.communicator().Barrier("train.eta:5:1").status().code, Code::kStalled);
  });
}

TEST_F(SilenceInJobTest, IsNoticedWhereNobodyWaits) { ExpectBothEndInTime(Compute); }

TEST_F(SilenceInJobTest, IsNoticedByThoseThatHaveEnded) {
  ExpectBothEndInTime([](Member&) {});
}

TEST_F(SilenceInJobTest, WhoIsHeardOfHasTheWholeStallTime) {
  options_.stall_timeout = kStallTime;
  const Deadline begin = Clock::now();
  const auto outcomes = Run([](Member& member) {
    if (member.rank() == 2) return Compute(member);
    EXPECT_FALSE(member.communicator().Barrier("train.eta:5:1").status().ok());
  });
  EXPECT_GE(Clock::now() - begin, kStallTime);
  EXPECT_EQ(outcomes[0].status.code, Code::kStalled);
}

// It is stopped when all its ranks have left, so that nobody waits for these.
TEST_F(SilenceInJobTest, AProcessThatDoesNotComeToTheEndIsNotWaitedFor) {
  std::atomic<bool> over{false};
  RunProcesses(job_, {{}, {}}, [&](size_t process, const Result<std::shared_ptr<Link>>& link) {
    WorldOptions options = TestWorld(1);
    options.link = *link;
    options.stall_timeout = kStallTime;
    const auto world = *World::Create(std::move(options));
    (*World::Join(world, static_cast<int>(process)))->Return();
    if (process == 0) {
      const Deadline begin = Clock::now();
      const World::Outcome outcome = world->Wait();
      EXPECT_LT(Clock::now() - begin, kStallTime);
      EXPECT_EQ(outcome.exit_code, 1);
      EXPECT_EQ(outcome.status.message, "not all processes have come to the end of the run");
      over = true;
    }
    while (!over) std::this_thread::sleep_for(milliseconds(1));
  });
}

// The place of a rank elsewhere is asked for, and comes.
TEST_F(JobTest, AStallNamesThePlaceOfARankElsewhere) {
  options_.stall_timeout = seconds(1);
  std::atomic<bool> asked{false};
  options_.supervisor.ask_place = [&](int rank) {
    EXPECT_EQ(rank, 2);
    asked = true;
  };
  const auto outcomes = Run([&](Member& member) {
    if (member.rank() == 2) {
      while (!asked) std::this_thread::sleep_for(milliseconds(1));
      member.SetPlace("train.eta:7:7");
      while (member.Poll().ok()) std::this_thread::sleep_for(milliseconds(1));
      return;
    }
    EXPECT_FALSE(member.communicator().Barrier("train.eta:5:1").status().ok());
  });
  EXPECT_NE(outcomes[0].status.message.find("last seen at train.eta:7:7"), std::string::npos)
      << outcomes[0].status.message;
}

}  // namespace
}  // namespace eta::parallel
