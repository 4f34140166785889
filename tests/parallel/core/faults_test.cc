// Delays and failures injected at chosen calls of chosen ranks; and results that do not depend on
// timing. Over the fake NCCL, which adds in the order of the ranks, as well as on shared memory.
#include <gtest/gtest.h>

#include <random>

#include "tests/fakes/fake_nccl.h"
#include "tests/parallel/core/faulty_communicator.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using Values = std::vector<double>;

Values RandomValues(int rank, size_t count) {
  std::mt19937_64 random(static_cast<uint64_t>(rank) + 17);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Values values(count);
  for (double& x : values) x = uniform(random) * 1e6 * uniform(random);
  return values;
}

Values SumInRankOrder(int ranks, size_t count) {
  Values sum = RandomValues(0, count);
  for (int r = 1; r < ranks; ++r) {
    const Values next = RandomValues(r, count);
    for (size_t i = 0; i < count; ++i) sum[i] += next[i];
  }
  return sum;
}

class FaultsTest : public testing::TestWithParam<const char*> {
 protected:
  static WorldOptions Options(int ranks) {
    WorldOptions options = TestWorld(ranks);
    options.backend = GetParam();
    return options;
  }

  const FakeNccl nccl_;
};

INSTANTIATE_TEST_SUITE_P(Backends, FaultsTest, testing::Values("local", "nccl"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(FaultsTest, SumsAreTheSameToTheBitWhateverTheTiming) {
  constexpr size_t kCount = 5003;
  for (int ranks : {2, 3, 4, 7}) {
    const Values expected = SumInRankOrder(ranks, kCount);
    const World::Outcome outcome = RunRanks(Options(ranks), [&](Member& member) {
      std::mt19937_64 random(static_cast<uint64_t>(member.rank()));
      FaultyCommunicator comm(member.communicator(), [&](int) {
        return Fault{std::chrono::microseconds(random() % 3 == 0 ? random() % 300 : 0), {}};
      });
      for (int round = 0; round < 20; ++round) {
        Values mine = RandomValues(member.rank(), kCount);
        const Buffer buffer{mine.data(), kCount, DType::kFloat64};
        ASSERT_TRUE(comm.AllReduce(buffer, ReduceOp::kSum, "").status().ok());
        ASSERT_EQ(mine, expected);
      }
    });
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
  }
}

// A rank that fails at its n-th call, in any of several shapes, leaves the others with one reason,
// and with buffers that were either reduced on all ranks or on none.
TEST_P(FaultsTest, AFailingCallNeverHangsTheOthers) {
  constexpr int kRanks = 3, kCalls = 4;
  for (int culprit = 0; culprit < kRanks; ++culprit) {
    for (int at = 0; at < kCalls; ++at) {
      std::vector<int> reduced(kRanks);
      const World::Outcome outcome = RunRanks(Options(kRanks), [&](Member& member) {
        FaultyCommunicator comm(member.communicator(), [&](int n) {
          const bool hit = member.rank() == culprit && n == at;
          return hit ? Fault{{}, {Code::kInvalid, "injected", -1}} : Fault{};
        });
        for (int n = 0; n < kCalls; ++n) {
          double x = 1;
          const Status status =
              comm.AllReduce({&x, 1, DType::kFloat64}, ReduceOp::kSum, "a.eta:3:1").status();
          EXPECT_EQ(x, status.ok() ? kRanks : 1);
          if (!status.ok()) return member.Fail("a.eta:3:1", status.message);
          ++reduced[member.rank()];
        }
      });
      EXPECT_EQ(outcome.status.rank, culprit);
      EXPECT_EQ(outcome.status.message,
                "rank " + std::to_string(culprit) + " failed at a.eta:3:1: injected");
      EXPECT_EQ(reduced, std::vector<int>(kRanks, at));
    }
  }
}

TEST_P(FaultsTest, AnExchangeThatOneRankMissesEndsForAll) {
  const World::Outcome outcome = RunRanks(Options(3), [&](Member& member) {
    std::vector<int> all(3);
    for (int n = 0; n < 5; ++n) {
      if (member.rank() == 2 && n == 3) return member.Exit(0, "a.eta:9:1");
      const Status status = member.Exchange<int>("train-step!", n, all, "a.eta:3:1");
      if (status.ok()) continue;
      EXPECT_EQ(n, 3);
      return member.Fail("a.eta:3:1", status.message);
    }
    FAIL() << "an exchange succeeded without rank 2";
  });
  EXPECT_EQ(outcome.status.rank, 2);
}

// An abort at a random moment: each call is all or none, and what the ranks did agrees.
TEST_P(FaultsTest, AnAbortAtAnyMomentLeavesNoHalfReducedBuffer) {
  constexpr int kRanks = 3;
  constexpr size_t kCount = 4096;
  for (int round = 0; round < 40; ++round) {
    auto world = *World::Create(Options(kRanks));
    std::thread aborter([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(round * 50));
      world->Abort({Code::kAborted, "enough", -1});
    });
    std::vector<int> completed(kRanks);
    RunRanks(world, [&](Member& member) {
      for (;;) {
        Values x(kCount, 1);
        const Buffer buffer{x.data(), kCount, DType::kFloat64};
        const bool ok = member.communicator().AllReduce(buffer, ReduceOp::kSum, "").status().ok();
        ASSERT_EQ(x, Values(kCount, ok ? kRanks : 1));
        if (!ok) return;
        ++completed[member.rank()];
      }
    });
    aborter.join();
    EXPECT_EQ(completed, std::vector<int>(kRanks, completed[0]));
  }
}

}  // namespace
}  // namespace eta::parallel
