#include "parallel/core/gate.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Both ways to wait: on a core of one's own, or sharing one.
class GateTest : public testing::TestWithParam<bool> {
 protected:
  static int WorkersOf(int ranks) { return GetParam() ? ranks : 1; }
};

void InThreads(int n, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST_P(GateTest, NobodyPassesBeforeAllHaveArrived) {
  constexpr int kRanks = 3;
  Gate gate(kRanks, WorkersOf(kRanks));
  int written[kRanks] = {};  // plain memory: the gate has to order it
  InThreads(kRanks, [&](int rank) {
    for (int round = 1; round <= 200; ++round) {
      written[rank] = round;
      ASSERT_EQ(gate.Await(gate.Arrive(), seconds(10)), Gate::Passage::kThrough);
      for (int value : written) ASSERT_EQ(value, round);
      gate.Finish();
    }
  });
}

TEST_P(GateTest, CloseLetsWaitersGoAtOnce) {
  Gate gate(2, WorkersOf(2));
  std::thread waiter([&] {
    EXPECT_EQ(gate.Await(gate.Arrive(), seconds(10)), Gate::Passage::kClosed);
    EXPECT_EQ(gate.Await(gate.Arrive(), seconds(10)), Gate::Passage::kClosed);
  });
  std::this_thread::sleep_for(milliseconds(5));
  const auto begin = std::chrono::steady_clock::now();
  gate.Close();
  waiter.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  EXPECT_TRUE(gate.closed());
}

TEST_P(GateTest, LateTicketsStayGood) {
  Gate gate(2, WorkersOf(2));
  const Gate::Ticket ticket = gate.Arrive();
  EXPECT_EQ(gate.Await(ticket, milliseconds(1)), Gate::Passage::kLate);
  std::thread other([&] { gate.Await(gate.Arrive(), seconds(10)); });
  EXPECT_EQ(gate.Await(ticket, seconds(10)), Gate::Passage::kThrough);
  other.join();
}

TEST_P(GateTest, RanksThatPassedFinishAlthoughItIsClosed) {
  Gate gate(2, WorkersOf(2));
  InThreads(2, [&](int rank) {
    ASSERT_EQ(gate.Await(gate.Arrive(), seconds(10)), Gate::Passage::kThrough);
    if (rank == 0) gate.Close();
    gate.Finish();
    EXPECT_EQ(gate.Await(gate.Arrive(), seconds(10)), Gate::Passage::kClosed);
  });
}

TEST_P(GateTest, AllPassOrNoneWhenClosedAtAnyMoment) {
  constexpr int kRanks = 3;
  for (int round = 0; round < 200; ++round) {
    Gate gate(kRanks, WorkersOf(kRanks));
    int passed[kRanks] = {};
    std::thread closer([&] {
      for (int i = 0; i < round * 5; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
      gate.Close();
    });
    InThreads(kRanks, [&](int rank) {
      while (gate.Await(gate.Arrive(), seconds(10)) == Gate::Passage::kThrough) {
        ++passed[rank];
        gate.Finish();
      }
    });
    closer.join();
    EXPECT_EQ(passed[0], passed[1]);
    EXPECT_EQ(passed[0], passed[2]);
  }
}

TEST(WorkersTest, OthersSleepUntilTheWorkersRelease) {
  constexpr int kRanks = 5, kWorkers = 2;
  Gate gate(kRanks, kWorkers);
  int brought[kRanks] = {}, made[kWorkers] = {};  // plain memory: the gate has to order it
  InThreads(kRanks, [&](int rank) {
    for (int round = 1; round <= 200; ++round) {
      brought[rank] = round;
      const Gate::Ticket ticket = gate.Arrive();
      if (gate.Works(ticket)) {
        ASSERT_EQ(gate.Await(ticket, seconds(10)), Gate::Passage::kThrough);
        for (int value : brought) ASSERT_EQ(value, round);
        ++made[gate.TakePart()];
        gate.Release();
      } else {
        ASSERT_EQ(gate.AwaitRelease(ticket, seconds(10)), Gate::Passage::kThrough);
      }
      for (int value : made) ASSERT_EQ(value, round);
    }
  });
}

TEST(WorkersTest, TheLastToArriveWork) {
  Gate gate(3, 2);
  const Gate::Ticket first = gate.Arrive(), second = gate.Arrive(), third = gate.Arrive();
  EXPECT_FALSE(gate.Works(first));
  EXPECT_TRUE(gate.Works(second));
  EXPECT_TRUE(gate.Works(third));
  EXPECT_NE(gate.TakePart(), gate.TakePart());
  gate.Close();
  EXPECT_FALSE(gate.Works(gate.Arrive()));
}

std::vector<int> CoresOfThisThread() {
  cpu_set_t all;
  EXPECT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &all)) cores.push_back(core);
  }
  return cores;
}

void MoveTo(int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
}

TEST(WorkersTest, ACoreGetsThePartThatItHadLast) {
  const std::vector<int> cores = CoresOfThisThread();
  if (cores.size() < 2) GTEST_SKIP() << "one core";
  Gate gate(2, 2);
  std::vector<int> first;
  for (int round = 0; round < 4; ++round) {
    std::vector<int> parts(2);
    std::thread worker([&] {
      for (int i : {round % 2, 1 - round % 2}) {  // either comes first
        MoveTo(cores[static_cast<size_t>(i)]);
        parts[static_cast<size_t>(i)] = gate.TakePart();
      }
    });
    worker.join();
    if (first.empty()) first = parts;
    EXPECT_EQ(parts, first) << round;
    InThreads(2, [&](int) { gate.Release(); });
  }
}

TEST(WorkersTest, ThoseWhoWaitForReleasePassWithTheWorkersOrNot) {
  for (int round = 0; round < 200; ++round) {
    Gate gate(3, 1);
    int passed[3] = {};
    std::thread closer([&] {
      for (int i = 0; i < round * 5; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
      gate.Close();
    });
    InThreads(3, [&](int rank) {
      for (;;) {
        const Gate::Ticket ticket = gate.Arrive();
        const auto passage = gate.Works(ticket) ? gate.Await(ticket, seconds(10))
                                                : gate.AwaitRelease(ticket, seconds(10));
        if (passage != Gate::Passage::kThrough) break;
        ++passed[rank];
        if (gate.Works(ticket)) gate.Release();
      }
    });
    closer.join();
    EXPECT_EQ(passed[0], passed[1]);
    EXPECT_EQ(passed[0], passed[2]);
  }
}

TEST(WorkersTest, TheWaitForReleaseEndsInTime) {
  Gate gate(2, 1);
  const Gate::Ticket ticket = gate.Arrive();
  EXPECT_EQ(gate.AwaitRelease(ticket, milliseconds(1)), Gate::Passage::kLate);
  gate.Close();
  EXPECT_EQ(gate.AwaitRelease(ticket, seconds(10)), Gate::Passage::kClosed);
}

INSTANTIATE_TEST_SUITE_P(Waiting, GateTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Alone" : "Sharing"; });

}  // namespace
}  // namespace eta::parallel
