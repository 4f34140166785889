// Memory that NCCL has been told of, over the fake one.
#include "parallel/training/registered_memory.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

WorldOptions World(const std::string& backend) {
  WorldOptions options = TestWorld(2);
  options.backend = backend;
  options.device_ops = MakeHostDeviceOps();
  for (int r = 0; r < 2; ++r) options.devices[r] = {Device::Kind::kCuda, static_cast<int16_t>(r)};
  return options;
}

TEST(RegisteredMemoryTest, IsKnownToTheCommunicatorAsLongAsItIsHeld) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunRanks(World("nccl"), [&](Member& member) {
    Communicator& comm = member.communicator();
    const ExchangePlace place({Device::Kind::kCuda, static_cast<int16_t>(member.rank())},
                              std::make_shared<HostStream>());
    const auto expect_live = [&](int each) {
      ASSERT_TRUE(comm.Barrier("").status().ok());
      EXPECT_EQ(nccl.live_registrations(), 2 * each);
      ASSERT_TRUE(comm.Barrier("").status().ok());
    };
    {
      RegisteredMemory memory;
      EXPECT_FALSE(memory.IsOf(comm));
      const at::Tensor shared = at::ones({8});
      ASSERT_TRUE(memory.Hold({shared, at::ones({3})}, place, comm).ok());
      EXPECT_TRUE(memory.IsOf(comm));
      expect_live(2);
      ASSERT_TRUE(memory.Hold({shared}, place, comm).ok());
      expect_live(1);
      {
        RegisteredMemory other;  // of another optimizer, with the same parameters
        ASSERT_TRUE(other.Hold({shared}, place, comm).ok());
        expect_live(1);
      }
      expect_live(1);
      memory.Release();
      EXPECT_FALSE(memory.IsOf(comm));
      expect_live(0);
      ASSERT_TRUE(memory.Hold({shared}, place, comm).ok());
      expect_live(1);
    }
    expect_live(0);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST(RegisteredMemoryTest, MayOutliveTheWorldsEnd) {
  const FakeNccl nccl;
  RunRanks(World("nccl"), [&](Member& member) {
    const ExchangePlace place({Device::Kind::kCuda, static_cast<int16_t>(member.rank())},
                              std::make_shared<HostStream>());
    RegisteredMemory memory;
    (void)memory.Hold({at::ones({8})}, place, member.communicator());
    member.communicator().Abort({Code::kAborted, "enough", -1});
  });
}

}  // namespace
}  // namespace eta::parallel
