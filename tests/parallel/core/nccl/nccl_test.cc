// The nccl backend when something goes wrong, and its streams.
#include "parallel/core/nccl/nccl.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Values = std::vector<double>;

WorldOptions CpuWorld(int ranks) {
  WorldOptions options = TestWorld(ranks);
  options.backend = "nccl";
  return options;
}

Device GpuOf(int rank) { return {Device::Kind::kCuda, static_cast<int16_t>(rank)}; }

WorldOptions GpuWorld(int ranks) {
  WorldOptions options = CpuWorld(ranks);
  options.device_ops = MakeHostDeviceOps();
  for (int r = 0; r < ranks; ++r) options.devices[r] = GpuOf(r);
  return options;
}

Buffer On(Values& values) { return {values.data(), values.size(), DType::kFloat64}; }

Buffer OnGpu(Values& values, int rank, HostStream* stream = nullptr) {
  return {values.data(), values.size(), DType::kFloat64, GpuOf(rank), stream};
}

// --- failures -----------------------------------------------------------------------------------

// Whatever rank and call NCCL fails in: all ranks get the one reason, and no buffer has changed.
TEST(NcclFaultsTest, AFailedCallIsEverybodysAndLeavesTheBuffers) {
  constexpr int kRanks = 3, kCalls = 3;
  for (int culprit = 0; culprit < kRanks; ++culprit) {
    for (int at = 0; at < kCalls; ++at) {
      const FakeNccl nccl("delay=1:300 fail=" + std::to_string(culprit) + ":" + std::to_string(at) +
                          ":2");
      const World::Outcome outcome = RunRanks(CpuWorld(kRanks), [&](Member& member) {
        for (int n = 0; n < kCalls; ++n) {
          Values x(100, member.rank());
          const Status status = member.communicator().AllReduce(On(x), ReduceOp::kSum, "").status();
          EXPECT_EQ(x, Values(100, status.ok() ? 3 : member.rank()));
          EXPECT_EQ(status.ok(), n < at);
          if (status.ok()) continue;
          EXPECT_EQ(status, member.world().board().reason());
          return;
        }
      });
      EXPECT_EQ(outcome.status,
                (Status{Code::kPeerFailed,
                        "NCCL's all-reduce failed on rank " + std::to_string(culprit) +
                            ": unhandled system error (injected)",
                        culprit}));
    }
  }
}

TEST(NcclFaultsTest, ARankThatNeverArrivesIsAStall) {
  const FakeNccl nccl("hang=1:2");
  WorldOptions options = CpuWorld(3);
  options.stall_timeout = milliseconds(100);
  const auto begin = Clock::now();
  const World::Outcome outcome = RunRanks(std::move(options), [&](Member& member) {
    Values x(10, 1);
    Status status;
    for (int n = 0; n < 3; ++n) {
      status = member.communicator().AllReduce(On(x), ReduceOp::kSum, "a.eta:3:1").status();
    }
    EXPECT_EQ(status.code, Code::kStalled);
    EXPECT_EQ(x, Values(10, 9));
  });
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  EXPECT_NE(outcome.status.message.find("in all-reduce of 10 float64 at a.eta:3:1 for its end"),
            std::string::npos)
      << outcome.status.message;
  EXPECT_LT(Clock::now() - begin, seconds(2));
}

// Each rank's program is within NCCL when the world ends.
TEST(NcclFaultsTest, AnAbortEndsCallsInProgress) {
  const FakeNccl nccl("hang=0:0 hang=1:0 hang=2:0");
  auto world = *World::Create(CpuWorld(3));
  std::thread aborter([&] {
    std::this_thread::sleep_for(milliseconds(20));
    world->Abort({Code::kAborted, "enough", -1});
  });
  RunRanks(world, [](Member& member) {
    Values x(10, 1);
    const Status status = member.communicator().AllReduce(On(x), ReduceOp::kSum, "").status();
    EXPECT_EQ(status, (Status{Code::kAborted, "enough", -1}));
  });
  aborter.join();
}

// RunRanks checks that a rank which cannot join is told the reason.
TEST(NcclFaultsTest, ARankThatDoesNotConnectIsNamed) {
  const FakeNccl nccl("hang_start=1");
  WorldOptions options = CpuWorld(2);
  options.stall_timeout = milliseconds(100);
  const World::Outcome outcome =
      RunRanks(std::move(options), [](Member&) { FAIL() << "a world came about"; });
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  EXPECT_EQ(outcome.status.message, "NCCL has not connected ranks 0 and 1 in time");
}

TEST(NcclFaultsTest, AFailureToConnectEndsAll) {
  const FakeNccl nccl("fail_start=2:3");
  const World::Outcome outcome =
      RunRanks(CpuWorld(3), [](Member&) { FAIL() << "a world came about"; });
  EXPECT_EQ(
      outcome.status,
      (Status{Code::kPeerFailed, "NCCL's communicator: internal error (injected) on rank 2", 2}));
}

TEST(NcclFaultsTest, ADesyncIsFoundBeforeNcclIsCalled) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(CpuWorld(2), [](Member& member) {
    Values x(member.rank() == 0 ? 3 : 4, 1);
    const Status status =
        member.communicator().AllReduce(On(x), ReduceOp::kSum, "a.eta:1:1").status();
    EXPECT_EQ(status.code, Code::kDesync);
    EXPECT_EQ(x, Values(x.size(), 1));
  });
  EXPECT_EQ(outcome.status.message,
            "rank 0 is in all-reduce of 3 float64 at a.eta:1:1, rank 1 in all-reduce of 4 float64 "
            "at a.eta:1:1");
}

// --- streams ------------------------------------------------------------------------------------

TEST(NcclStreamTest, ACollectiveComesAfterWhatIsOnTheStreamAndBeforeWhatFollows) {
  const FakeNccl nccl("delay=1:2000");
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    HostStream stream;
    Values x(1000), seen;
    for (int step = 1; step <= 3; ++step) {
      stream.Enqueue([&] {
        std::this_thread::sleep_for(milliseconds(2));
        x.assign(x.size(), member.rank() + step);
      });
      Work work =
          member.communicator().AllReduce(OnGpu(x, member.rank(), &stream), ReduceOp::kMean, "");
      ASSERT_TRUE(work.Join().ok());
      stream.Enqueue([&] { seen = x; });
      ASSERT_TRUE(work.Wait(Clock::now() + seconds(20)).ok()) << work.status().message;
      EXPECT_EQ(x, Values(x.size(), step + 0.5));
      while (!stream.Idle()) std::this_thread::yield();
      EXPECT_EQ(seen, x);
    }
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// The stream has other things to do while the collective runs beside it.
TEST(NcclStreamTest, AStreamGoesOnUntilItJoins) {
  const FakeNccl nccl("delay=0:30000 delay=1:30000");
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    HostStream stream;
    Values x(10, 1);
    Work work =
        member.communicator().AllReduce(OnGpu(x, member.rank(), &stream), ReduceOp::kSum, "");
    std::atomic<bool> went_on{false};
    stream.Enqueue([&] { went_on = true; });
    while (!went_on) std::this_thread::yield();
    EXPECT_FALSE(work.Done());
    EXPECT_EQ(work.Wait(Clock::now()).code, Code::kStalled) << "a deadline that has passed";
    EXPECT_TRUE(work.Wait(Clock::now() + seconds(20)).ok());
    EXPECT_EQ(x, Values(10, 2));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(NcclStreamTest, AnErrorThatComesLaterEndsTheWorld) {
  const FakeNccl nccl("async=1:1:6");
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    HostStream stream;
    Values x(10, 1), y(10, 1);
    Communicator& comm = member.communicator();
    Work first = comm.AllReduce(OnGpu(x, member.rank(), &stream), ReduceOp::kSum, "");
    EXPECT_TRUE(first.Wait(Clock::now() + seconds(20)).ok());
    EXPECT_TRUE(comm.Barrier("").status().ok());  // or a slower rank's first one would end as well
    Work second = comm.AllReduce(OnGpu(y, member.rank(), &stream), ReduceOp::kSum, "");
    const Status status = second.Wait(Clock::now() + seconds(20));
    EXPECT_EQ(status.code, Code::kPeerFailed);
    EXPECT_EQ(status.rank, 1);
    EXPECT_EQ(y, Values(10, 1));
  });
  EXPECT_EQ(outcome.status.message,
            "NCCL's collective failed on rank 1: remote process exited or there was a network "
            "error (injected)");
}

TEST(NcclStreamTest, AStallOnADeviceIsAborted) {
  const FakeNccl nccl("hang=1:0");
  WorldOptions options = GpuWorld(2);
  options.stall_timeout = milliseconds(100);
  const World::Outcome outcome = RunRanks(std::move(options), [](Member& member) {
    Values x(10, 1);
    const Status status =
        member.communicator().AllReduce(OnGpu(x, member.rank()), ReduceOp::kSum, "").status();
    EXPECT_EQ(status.code, Code::kStalled);
  });
  EXPECT_EQ(outcome.status.code, Code::kStalled);
}

TEST(NcclStreamTest, ACallThatIsNeverAcceptedIsAStall) {
  const FakeNccl nccl("stuck=0:1 stuck=1:1");
  WorldOptions options = GpuWorld(2);
  options.stall_timeout = milliseconds(100);
  const World::Outcome outcome = RunRanks(std::move(options), [](Member& member) {
    HostStream stream;
    Values x(10, 1);
    Status status;
    while (status.ok()) {
      Work work =
          member.communicator().AllReduce(OnGpu(x, member.rank(), &stream), ReduceOp::kSum, "");
      status = work.Wait(Clock::now() + seconds(20));
    }
    EXPECT_EQ(status.code, Code::kStalled);
  });
  EXPECT_EQ(outcome.status.code, Code::kStalled);
}

// --- what is logged -----------------------------------------------------------------------------

// The phases of the rank's own thread, or those beside it.
std::vector<PhaseRecord> Logged(Member& member, bool beside) {
  std::vector<PhaseRecord> records = member.log().Last(100);
  std::erase_if(records, [&](const PhaseRecord& record) { return record.beside != beside; });
  return records;
}

std::string NamesOf(const std::vector<PhaseRecord>& records) {
  std::string names;
  for (const PhaseRecord& record : records) names += std::string(NameOf(record.phase)) + " ";
  return names;
}

TEST(NcclLogTest, OnTheHostACollectiveIsAPhaseOfTheRank) {
  const FakeNccl nccl("delay=0:20000 delay=1:20000");
  const World::Outcome outcome = RunRanks(CpuWorld(2), [](Member& member) {
    const uint64_t before = member.log().written();
    Values x(100, 1);
    ASSERT_TRUE(member.communicator().AllReduce(On(x), ReduceOp::kSum, "").status().ok());
    std::vector<PhaseRecord> records = Logged(member, /*beside=*/false);
    records.erase(records.begin(), records.begin() + static_cast<int64_t>(before));
    ASSERT_EQ(NamesOf(records), "wait reduce wait reduce ");  // the last one: taking the result
    EXPECT_EQ(records[1].bytes, 800u);
    EXPECT_EQ(records[3].bytes, 0u);
    EXPECT_GE(records[1].end_ns - records[1].begin_ns, 15'000'000);
    EXPECT_EQ(NamesOf(Logged(member, /*beside=*/true)), "");
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(NcclLogTest, OnADeviceItGoesOnBesideTheRank) {
  const FakeNccl nccl("delay=0:30000 delay=1:30000");
  const World::Outcome outcome = RunRanks(GpuWorld(2), [](Member& member) {
    PhaseLog& log = member.log();
    HostStream stream;
    Values x(100, 1);
    const uint64_t before = log.written();
    std::optional<Work> work;
    {
      const PhaseScope bucket(&log, Phase::kReduce, /*bytes=*/0, /*part=*/3);
      work = member.communicator().AllReduce(OnGpu(x, member.rank(), &stream), ReduceOp::kSum, "");
    }
    {
      const PhaseScope computing(&log, Phase::kBackward);
      std::this_thread::sleep_for(milliseconds(10));
    }
    ASSERT_TRUE(work->Wait(Clock::now() + seconds(20)).ok());
    std::vector<PhaseRecord> own = Logged(member, /*beside=*/false);
    own.erase(own.begin(), own.begin() + static_cast<int64_t>(before));
    EXPECT_EQ(NamesOf(own), "reduce wait reduce backward wait ");  // meets, launches, ...
    const std::vector<PhaseRecord> beside = Logged(member, /*beside=*/true);
    ASSERT_EQ(NamesOf(beside), "reduce ");
    EXPECT_EQ(beside[0].part, 3u);
    EXPECT_EQ(beside[0].bytes, 800u);
    EXPECT_GE(beside[0].end_ns - beside[0].begin_ns, 20'000'000);
    EXPECT_GE(log.hidden_ns(), 9'000'000);
    EXPECT_EQ(log.total(Phase::kReduce).bytes, 800u);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// --- registered memory --------------------------------------------------------------------------

TEST(NcclRegistrationTest, MemoryIsRegisteredUntilTheEnd) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(GpuWorld(2), [&](Member& member) {
    Values x(10, 1), y(10, 1);
    Communicator& comm = member.communicator();
    EXPECT_TRUE(comm.Register(OnGpu(x, member.rank())).ok());
    EXPECT_TRUE(comm.Register(OnGpu(y, member.rank())).ok());
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_EQ(nccl.live_registrations(), 4);
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_TRUE(comm.Deregister(OnGpu(x, member.rank())).ok());
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_EQ(nccl.live_registrations(), 2);
    EXPECT_EQ(comm.Register(On(x)).code, Code::kInvalid);
  });
}

}  // namespace
}  // namespace eta::parallel
