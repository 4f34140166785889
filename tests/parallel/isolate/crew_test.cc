#include "parallel/isolate/crew.h"

#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

class CrewTest : public testing::TestWithParam<int> {};

TEST_P(CrewTest, CallsMayWaitForEachOther) {
  const int size = GetParam();
  std::barrier meeting(size);
  std::atomic<int> done = 0;
  Crew crew(size, [&](int) {
    for (int i = 0; i < 10; ++i) meeting.arrive_and_wait();
    ++done;
  });
  ASSERT_TRUE(crew.Assemble(Clock::now() + 10s));
  EXPECT_EQ(crew.assembled(), size);
  ASSERT_TRUE(crew.WaitUntil(Clock::now() + 10s));
  EXPECT_EQ(done, size);
}

TEST_P(CrewTest, EachIndexHasAThreadOfItsOwn) {
  const int size = GetParam();
  Mutex mu;
  std::set<int> indices;
  std::set<std::thread::id> threads;
  Crew crew(size, [&](int index) {
    MutexLock lock(mu);
    indices.insert(index);
    threads.insert(std::this_thread::get_id());
  });
  ASSERT_TRUE(crew.Assemble(Clock::now() + 10s));
  ASSERT_TRUE(crew.WaitUntil(Clock::now() + 10s));
  EXPECT_EQ(indices.size(), static_cast<size_t>(size));
  EXPECT_EQ(*indices.rbegin(), size - 1);
  EXPECT_EQ(threads.size(), static_cast<size_t>(size));
}

INSTANTIATE_TEST_SUITE_P(Sizes, CrewTest, testing::Values(1, 2, 3, 8, 64));

// oneTBB may forget an arena then.
TEST(CrewsTest, MembersMayHaveCrewsAllTheTime) {
  std::atomic<int> done = 0;
  const auto work = [&](int) {
    for (int round = 0; round < 2000; ++round) {
      Crew crew(3, [&](int index) {
        std::this_thread::sleep_for(index * 500us);
        ++done;
      });
      if (!crew.Assemble(Clock::now() + 5s)) return;
      (void)crew.WaitUntil(Clock::now() + 5s);
    }
  };
  Crew crew(2, work);
  ASSERT_TRUE(crew.Assemble(Clock::now() + 10s));
  ASSERT_TRUE(crew.WaitUntil(Clock::now() + 60s));
  EXPECT_EQ(done, 2 * 2000 * 3);
}

TEST(CrewDeadlineTest, WaitUntilGivesUpAtItsDeadline) {
  std::atomic<bool> stop = false;
  Crew crew(2, [&](int) {
    while (!stop) std::this_thread::sleep_for(1ms);
  });
  ASSERT_TRUE(crew.Assemble(Clock::now() + 10s));
  EXPECT_FALSE(crew.WaitUntil(Clock::now() + 10ms));
  stop = true;
  EXPECT_TRUE(crew.WaitUntil(Clock::now() + 10s));
}

TEST(CrewDeadlineTest, NobodyWorksIfNotAllGetAThread) {
  // The smallest limit of a process counts: one for this thread, two for workers.
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, 3);
  std::atomic<int> calls = 0;
  {
    Crew crew(4, [&](int) { ++calls; });
    EXPECT_FALSE(crew.Assemble(Clock::now() + 200ms));
    EXPECT_LT(crew.assembled(), 4);
  }
  std::this_thread::sleep_for(20ms);  // time for those that come late
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace eta::parallel
