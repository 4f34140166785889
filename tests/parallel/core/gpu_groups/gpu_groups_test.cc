// The backend for ranks that share GPUs: what is enqueued, whose memory is whose when, and what
// happens when something goes wrong. Devices are threads of the test, and NCCL is a fake, whose
// ranks are the groups.
#include "parallel/core/gpu_groups/gpu_groups.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <set>
#include <string>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Values = std::vector<double>;

// The ranks on each GPU.
using Shares = std::vector<int>;

WorldOptions WorldOn(const Shares& shares) {
  WorldOptions options = TestWorld(0);
  options.backend = "gpu-groups";
  options.device_ops = MakeHostDeviceOps();
  for (size_t gpu = 0; gpu < shares.size(); ++gpu) {
    for (int i = 0; i < shares[gpu]; ++i) {
      options.devices.push_back({Device::Kind::kCuda, static_cast<int16_t>(gpu)});
    }
  }
  return options;
}

// A rank with a stream on its device.
class Rank {
 public:
  Rank(Member& member, const Shares& shares)
      : member_(member), device_(WorldOn(shares).devices[static_cast<size_t>(member.rank())]) {}

  Buffer On(Values& values, DeviceStream* on = nullptr) const {
    return {values.data(), values.size(), DType::kFloat64, device_, on};
  }
  Work Sum(Values& values, DeviceStream* on = nullptr) {
    return member_.communicator().AllReduce(On(values, on), ReduceOp::kSum, "a.eta:3:1");
  }

  HostStream stream;

 private:
  Member& member_;
  const Device device_;
};

void AwaitIdle(const HostStream& stream) {
  while (!stream.Idle()) std::this_thread::yield();
}

// --- streams ------------------------------------------------------------------------------------

class GpuGroupsStreamTest : public testing::TestWithParam<Shares> {
 protected:
  World::Outcome Run(const std::function<void(Member&, Rank&)>& body) {
    return RunRanks(WorldOn(GetParam()), [&](Member& member) {
      Rank rank(member, GetParam());
      body(member, rank);
    });
  }
};

// All streams stand still, and yet every rank comes back from three collectives.
TEST_P(GpuGroupsStreamTest, WorkIsEnqueuedAndNotWaitedFor) {
  const FakeNccl nccl;
  std::latch open(1);
  const World::Outcome outcome = Run([&](Member& member, Rank& rank) {
    const int ranks = member.size();
    Values x(100);
    rank.stream.Enqueue([&] {
      open.wait();
      x.assign(x.size(), 1);
    });
    std::vector<Work> works;
    for (int i = 0; i < 3; ++i) {
      works.push_back(rank.Sum(x, &rank.stream));
      ASSERT_TRUE(works.back().Join().ok());
    }
    for (Work& work : works) EXPECT_FALSE(work.Done());
    EXPECT_EQ(works[0].Wait(Clock::now()).code, Code::kStalled) << "a deadline that has passed";
    ASSERT_TRUE(member.communicator().Barrier("").status().ok());
    if (member.rank() == 0) open.count_down();
    for (Work& work : works) EXPECT_TRUE(work.Wait(Clock::now() + seconds(20)).ok());
    EXPECT_EQ(x, Values(x.size(), ranks * ranks * ranks));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// What was on a rank's stream comes before, what follows the join after.
TEST_P(GpuGroupsStreamTest, ACollectiveIsInTheOrderOfEachRanksStream) {
  const FakeNccl nccl("delay=0:1000");
  const World::Outcome outcome = Run([](Member& member, Rank& rank) {
    Values x(1000), seen;
    const double mean = (member.size() - 1) / 2.0;
    for (int step = 1; step <= 5; ++step) {
      rank.stream.Enqueue([&] {
        std::this_thread::sleep_for(milliseconds(member.rank() % 3));
        x.assign(x.size(), member.rank() + step);
      });
      Work work = member.communicator().AllReduce(rank.On(x, &rank.stream), ReduceOp::kMean, "");
      ASSERT_TRUE(work.Join().ok());
      rank.stream.Enqueue([&] { seen = x; });
      ASSERT_TRUE(work.Wait(Clock::now() + seconds(20)).ok()) << work.status().message;
      EXPECT_EQ(x, Values(x.size(), step + mean));
      AwaitIdle(rank.stream);
      EXPECT_EQ(seen, x);
    }
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// A rank's memory is its own again when its stream has joined: it is filled with something else at
// once, while slower ranks have yet to get what was summed from it.
TEST_P(GpuGroupsStreamTest, BuffersAreNotTakenBackBeforeOthersAreDoneWithThem) {
  const FakeNccl nccl("delay=0:300 delay=1:700");
  const World::Outcome outcome = Run([](Member& member, Rank& rank) {
    const int ranks = member.size();
    Values out(5000);
    std::vector<Values> results(20);
    for (Values& result : results) {
      auto x = std::make_shared<Values>(5000, member.rank());
      const Buffer to = rank.On(out, &rank.stream);
      Work work =
          member.communicator().AllReduce(rank.On(*x, &rank.stream), to, ReduceOp::kSum, "");
      ASSERT_TRUE(work.Join().ok());
      rank.stream.Enqueue([x, &out, &result] {
        result = out;
        x->assign(x->size(), -1);
        out.assign(out.size(), -1);
      });
    }
    AwaitIdle(rank.stream);
    for (const Values& result : results) EXPECT_EQ(result, Values(5000, ranks * (ranks - 1) / 2));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST_P(GpuGroupsStreamTest, OnlyTheStreamsOfOtherRanksMayDiffer) {
  const FakeNccl nccl;
  const World::Outcome outcome = Run([](Member& member, Rank& rank) {
    Values x(10, 1), out(10);
    HostStream other;
    Communicator& comm = member.communicator();
    EXPECT_EQ(comm.AllReduce(rank.On(x, &other), rank.On(out, &rank.stream), ReduceOp::kSum, "")
                  .status()
                  .code,
              Code::kInvalid);
    // Some wait on the host, and some do not.
    Work work = rank.Sum(x, member.rank() % 2 == 0 ? nullptr : &other);
    if (member.rank() % 2 == 0) {
      EXPECT_TRUE(work.Done());
    }
    EXPECT_TRUE(work.Wait(Clock::now() + seconds(20)).ok());
    EXPECT_EQ(x, Values(10, member.size()));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// --- failures -----------------------------------------------------------------------------------

class GpuGroupsFaultsTest : public GpuGroupsStreamTest {
 protected:
  // Every rank sums until that fails, and then its memory is its own: nothing is written there
  // any more.
  World::Outcome SumUntilTheEnd(WorldOptions options, const RankBody& before) {
    std::vector<Values> memory(options.devices.size());
    const World::Outcome outcome = RunRanks(std::move(options), [&](Member& member) {
      Rank rank(member, GetParam());
      Values& x = memory[static_cast<size_t>(member.rank())];
      for (;;) {
        x.assign(1000, 1);
        before(member);
        if (member.left()) return;
        const bool waits = member.rank() % 2 == 0;
        Work work = rank.Sum(x, waits ? nullptr : &rank.stream);
        const Status status = work.Wait(Clock::now() + seconds(20));
        if (status.ok()) continue;
        EXPECT_EQ(status, member.world().board().reason());
        break;
      }
      x.assign(1000, 7);
    });
    for (const Values& x : memory) EXPECT_TRUE(x == Values(1000, 7) || x == Values(1000, 1));
    return outcome;
  }

  int ranks() const { return static_cast<int>(WorldOn(GetParam()).devices.size()); }
};

void DoNothing(Member&) {}

TEST_P(GpuGroupsFaultsTest, ARankThatFailsIsNamed) {
  for (int culprit = 0; culprit < ranks(); ++culprit) {
    const FakeNccl nccl;
    const World::Outcome outcome = SumUntilTheEnd(WorldOn(GetParam()), [&](Member& member) {
      if (member.rank() == culprit) member.Fail("a.eta:1:1", "no luck");
    });
    EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
    EXPECT_EQ(outcome.status.rank, culprit);
    EXPECT_NE(outcome.status.message.find("no luck"), std::string::npos);
  }
}

TEST_P(GpuGroupsFaultsTest, ARankThatLeavesIsNamed) {
  for (const int culprit : {0, ranks() - 1}) {
    const FakeNccl nccl;
    const World::Outcome outcome = SumUntilTheEnd(WorldOn(GetParam()), [&](Member& member) {
      if (member.rank() == culprit) member.Return();
    });
    EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
    EXPECT_EQ(outcome.status.rank, culprit);
  }
}

TEST_P(GpuGroupsFaultsTest, ARankThatNeverComesIsNamed) {
  for (const int culprit : {0, ranks() - 1}) {
    const FakeNccl nccl;
    WorldOptions options = WorldOn(GetParam());
    options.stall_timeout = milliseconds(100);
    const World::Outcome outcome = SumUntilTheEnd(std::move(options), [&](Member& member) {
      while (member.rank() == culprit && member.Poll().ok()) {
        std::this_thread::sleep_for(milliseconds(1));
      }
    });
    EXPECT_EQ(outcome.status.code, Code::kStalled);
    EXPECT_EQ(outcome.status.rank, culprit);
  }
}

TEST_P(GpuGroupsFaultsTest, ADesyncIsFoundBeforeAnythingIsEnqueued) {
  const FakeNccl nccl;
  const World::Outcome outcome = Run([](Member& member, Rank& rank) {
    Values x(member.rank() == 1 ? 4 : 3, 1);
    EXPECT_EQ(rank.Sum(x, &rank.stream).status().code, Code::kDesync);
    AwaitIdle(rank.stream);
    EXPECT_EQ(x, Values(x.size(), 1));
  });
  EXPECT_EQ(outcome.status.code, Code::kDesync);
}

TEST_P(GpuGroupsFaultsTest, AnAbortFromOutsideEndsAll) {
  const FakeNccl nccl("delay=0:500");
  std::atomic<int> calls{0};
  const World::Outcome outcome = SumUntilTheEnd(WorldOn(GetParam()), [&](Member& member) {
    if (++calls == 20) member.world().Abort({Code::kAborted, "enough", -1});
  });
  EXPECT_EQ(outcome.status, (Status{Code::kAborted, "enough", -1}));
}

// Its copies are refused, so that ranks which do not lead would wait for what never comes.
class BrokenOps final : public DeviceOps {
 public:
  Status Use(Device device) override { return ops_->Use(device); }
  Result<std::unique_ptr<DeviceStream>> MakeStream(Device device) override {
    return ops_->MakeStream(device);
  }
  Result<std::unique_ptr<DeviceEvent>> MakeEvent(Device device) override {
    return ops_->MakeEvent(device);
  }
  Result<std::unique_ptr<DeviceMemory>> MakeMemory(Device, size_t, DeviceStream&) override {
    return Unexpected(Failure());
  }
  Status Divide(const Buffer& buffer, int divisor, DeviceStream& stream) override {
    return ops_->Divide(buffer, divisor, stream);
  }
  Status Copy(const Buffer&, const Buffer&, DeviceStream&) override { return Failure(); }
  Status Reduce(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op,
                DeviceStream& stream) override {
    return ops_->Reduce(output, inputs, op, stream);
  }

 private:
  static Status Failure() { return {Code::kPeerFailed, "the device failed: out of memory", -1}; }
  const std::shared_ptr<DeviceOps> ops_ = MakeHostDeviceOps();
};

TEST_P(GpuGroupsFaultsTest, ADeviceThatFailsEndsAll) {
  const FakeNccl nccl;
  WorldOptions options = WorldOn(GetParam());
  options.device_ops = std::make_shared<BrokenOps>();
  const World::Outcome outcome = SumUntilTheEnd(std::move(options), DoNothing);
  EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
  EXPECT_EQ(outcome.status.message, "the device failed: out of memory");
  EXPECT_GE(outcome.status.rank, 0);
}

INSTANTIATE_TEST_SUITE_P(Shares, GpuGroupsStreamTest,
                         testing::Values(Shares{2}, Shares{4}, Shares{2, 2}, Shares{1, 3, 2}));
INSTANTIATE_TEST_SUITE_P(Shares, GpuGroupsFaultsTest,
                         testing::Values(Shares{2}, Shares{4}, Shares{2, 2}, Shares{3, 1, 2}));

// --- failures between the GPUs ------------------------------------------------------------------

class GpuGroupsNcclFaultsTest : public GpuGroupsFaultsTest {};

TEST_P(GpuGroupsNcclFaultsTest, AFailedCallIsEverybodys) {
  for (int at = 0; at < 3; ++at) {
    const FakeNccl nccl("delay=0:300 fail=1:" + std::to_string(at) + ":2");
    const World::Outcome outcome = SumUntilTheEnd(WorldOn(GetParam()), DoNothing);
    const int leader = GetParam()[0];
    EXPECT_EQ(outcome.status, (Status{Code::kPeerFailed,
                                      "NCCL's all-reduce failed on rank " + std::to_string(leader) +
                                          ": unhandled system error (injected)",
                                      leader}));
  }
}

TEST_P(GpuGroupsNcclFaultsTest, AnErrorThatComesLaterIsEverybodys) {
  const FakeNccl nccl("async=1:2:6");
  const World::Outcome outcome = SumUntilTheEnd(WorldOn(GetParam()), DoNothing);
  EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
  EXPECT_EQ(outcome.status.rank, GetParam()[0]);
}

TEST_P(GpuGroupsNcclFaultsTest, AStallBetweenTheGpusIsAborted) {
  const FakeNccl nccl("hang=1:2");
  WorldOptions options = WorldOn(GetParam());
  options.stall_timeout = milliseconds(100);
  const auto begin = Clock::now();
  const World::Outcome outcome = SumUntilTheEnd(std::move(options), DoNothing);
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  EXPECT_NE(outcome.status.message.find("in all-reduce of 1000 float64 at a.eta:3:1 for its end"),
            std::string::npos)
      << outcome.status.message;
  EXPECT_LT(Clock::now() - begin, seconds(2));
}

// The leaders do not come out of NCCL, and all others wait for them.
TEST_P(GpuGroupsNcclFaultsTest, ACallThatIsNeverAcceptedIsAStall) {
  const FakeNccl nccl("stuck=0:1 stuck=1:1 stuck=2:1");
  WorldOptions options = WorldOn(GetParam());
  options.stall_timeout = milliseconds(100);
  const World::Outcome outcome = SumUntilTheEnd(std::move(options), DoNothing);
  EXPECT_EQ(outcome.status.code, Code::kStalled);
}

// What goes to NCCL in a group: sends and receives, and the sums of several buffers.
World::Outcome ExchangeInGroups(WorldOptions options, const Shares& shares) {
  return RunRanks(std::move(options), [&](Member& member) {
    const Rank rank(member, shares);
    const std::vector<size_t> counts(static_cast<size_t>(member.size()), 3);
    Values whole(3 * counts.size()), parts(whole.size());
    const Buffer buffers[] = {rank.On(whole), rank.On(parts)};
    Status status;
    while (status.ok()) {
      status = member.communicator().AllToAll(buffers[0], buffers[1], counts, "a.eta:3:1").status();
      if (!status.ok()) break;
      status = member.communicator()
                   .StartAllReduce(buffers, ReduceOp::kSum, "a.eta:4:1")
                   .Wait(Deadline::max());
    }
    EXPECT_EQ(status, member.world().board().reason());
  });
}

TEST_P(GpuGroupsNcclFaultsTest, AFailureInAGroupIsEverybodys) {
  const int leader = GetParam()[0];
  std::set<std::string> failures;
  for (int at = 0; at < 16; ++at) {
    const FakeNccl nccl("fail=1:" + std::to_string(at) + ":2");
    const World::Outcome outcome = ExchangeInGroups(WorldOn(GetParam()), GetParam());
    EXPECT_EQ(outcome.status.code, Code::kPeerFailed);
    EXPECT_EQ(outcome.status.rank, leader);
    failures.insert(outcome.status.message.substr(0, outcome.status.message.find(" failed")));
  }
  EXPECT_EQ(failures,
            (std::set<std::string>{"NCCL's all-reduce", "NCCL's receive", "NCCL's send"}));
}

TEST_P(GpuGroupsNcclFaultsTest, AStallInAGroupIsAborted) {
  const FakeNccl nccl("hang=1:0");
  WorldOptions options = WorldOn(GetParam());
  options.stall_timeout = milliseconds(100);
  const auto begin = Clock::now();
  const World::Outcome outcome = ExchangeInGroups(std::move(options), GetParam());
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  EXPECT_NE(outcome.status.message.find(" float64 at a.eta:3:1 for its end"), std::string::npos)
      << outcome.status.message;
  EXPECT_LT(Clock::now() - begin, seconds(2));
}

TEST_P(GpuGroupsNcclFaultsTest, ALeaderThatDoesNotConnectIsNamed) {
  const FakeNccl nccl("hang_start=1");
  WorldOptions options = WorldOn(GetParam());
  options.stall_timeout = milliseconds(100);
  const World::Outcome outcome =
      RunRanks(std::move(options), [](Member&) { FAIL() << "a world came about"; });
  EXPECT_EQ(outcome.status.code, Code::kStalled);
  // Or, of a rank that does not lead: "rank 1 has waited 0.1 s in start of NCCL for ranks 0 and 2".
  EXPECT_NE(outcome.status.message.find("NCCL"), std::string::npos) << outcome.status.message;
  EXPECT_NE(outcome.status.message.find("ranks 0"), std::string::npos) << outcome.status.message;
}

TEST_P(GpuGroupsNcclFaultsTest, AFailureToConnectEndsAll) {
  const FakeNccl nccl("fail_start=1:3");
  const World::Outcome outcome =
      RunRanks(WorldOn(GetParam()), [](Member&) { FAIL() << "a world came about"; });
  EXPECT_EQ(outcome.status.message, "NCCL's communicator: internal error (injected) on rank " +
                                        std::to_string(GetParam()[0]));
}

INSTANTIATE_TEST_SUITE_P(Shares, GpuGroupsNcclFaultsTest,
                         testing::Values(Shares{1, 1}, Shares{2, 2}, Shares{3, 1, 2}));

// --- choosing it, and the rest ------------------------------------------------------------------

std::string Chosen(const char* name, const Shares& shares) {
  const WorldOptions options = WorldOn(shares);
  const auto backend = ChooseBackend(name, {options.devices, options.device_ops.get()});
  return backend ? (*backend)->name : backend.error().message;
}

TEST(GpuGroupsBackendTest, IsTakenWhereGpusAreShared) {
  const FakeNccl nccl;
  EXPECT_EQ(Chosen("auto", {2}), "gpu-groups");
  EXPECT_EQ(Chosen("auto", {2, 1}), "gpu-groups");
  EXPECT_EQ(Chosen("auto", {1, 1}), "nccl");
  EXPECT_EQ(Chosen("gpu-groups", {1, 1}), "gpu-groups");
  const std::vector<Device> apart = {
      {Device::Kind::kCuda, 0}, {Device::Kind::kCuda, 1}, {Device::Kind::kCuda, 0}};
  EXPECT_EQ(ChooseBackend("auto", {apart, MakeHostDeviceOps().get()}).error().message,
            "backend 'auto' cannot serve 3 ranks on these devices: ranks that share a GPU have to "
            "be neighbours");
  EXPECT_EQ(ChooseBackend("gpu-groups", {std::vector<Device>(2)}).error().message,
            "backend 'gpu-groups' cannot serve 2 ranks on these devices");
}

// The library is looked for where there are several GPUs, and only there.
TEST(GpuGroupsBackendTest, OneGpuNeedsNoNccl) {
  setenv("ETA_NCCL_PATH", "/nowhere/libnccl.so.2", 1);
  EXPECT_EQ(Chosen("auto", {3}), "gpu-groups");
  EXPECT_NE(Chosen("auto", {2, 1}).find("/nowhere/libnccl.so.2"), std::string::npos);
  EXPECT_EQ((*World::Create(WorldOn({3})))->about(), "");
  unsetenv("ETA_NCCL_PATH");
  const FakeNccl nccl;
  EXPECT_EQ((*World::Create(WorldOn({2, 1})))->about(), "NCCL 2.28.9");
}

TEST(GpuGroupsRegistrationTest, IsOfTheLeadersMemory) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(WorldOn({2, 2}), [&](Member& member) {
    Rank rank(member, {2, 2});
    Values x(10, 1);
    Communicator& comm = member.communicator();
    EXPECT_TRUE(comm.Register(rank.On(x)).ok());
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_EQ(nccl.live_registrations(), 2);
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_TRUE(comm.Deregister(rank.On(x)).ok());
    EXPECT_TRUE(comm.Barrier("").status().ok());
    EXPECT_EQ(nccl.live_registrations(), 0);
    EXPECT_EQ(comm.Register({x.data(), x.size()}).code, Code::kInvalid);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

// Those that stay are in groups of their own.
TEST(GpuGroupsSuccessorTest, RanksMayGoOnWithoutOthers) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(WorldOn({3, 1}), [](Member& member) {
    const Device device = WorldOn({3, 1}).devices[static_cast<size_t>(member.rank())];
    const int staying[] = {0, 2, 3};
    if (member.rank() == 1) return;
    ASSERT_TRUE(member.MoveOn(staying).ok());
    Values x(10, 1);
    const Buffer buffer{x.data(), x.size(), DType::kFloat64, device};
    EXPECT_TRUE(member.communicator().AllReduce(buffer, ReduceOp::kSum, "").status().ok());
    EXPECT_EQ(x, Values(10, 3));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

}  // namespace
}  // namespace eta::parallel
