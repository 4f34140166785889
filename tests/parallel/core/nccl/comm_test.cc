// Communicators by themselves: several of one thread, and the same collectives among processes.
#include "parallel/core/nccl/comm.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <numeric>
#include <thread>

#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"

namespace eta::parallel::nccl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Status NeverOver() { return {}; }

const Library& TheLibrary() { return **Library::At(kFakeNccl); }

auto ConnectSeats(const UniqueId& id, int size, const std::vector<Seat>& seats,
                  std::chrono::nanoseconds time = seconds(20)) {
  return Comm::Connect(TheLibrary(), nullptr, id, size, seats, Clock::now() + time, NeverOver);
}

TEST(NcclCommTest, OneThreadMayOwnSeveralRanks) {
  const FakeNccl nccl;
  auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 3, {{0}, {1}, {2}});
  ASSERT_TRUE(comms) << comms.error().message;
  std::vector<std::vector<double>> values = {{1, 2}, {10, 20}, {100, 200}};
  std::vector<std::unique_ptr<HostStream>> streams;
  for (size_t r = 0; r < 3; ++r) {
    streams.push_back(std::make_unique<HostStream>());
    double* const data = values[r].data();
    ASSERT_TRUE(
        (*comms)[r]
            ->AllReduce(data, data, 2, DType::kFloat64, ReduceOp::kSum, streams[r]->native())
            .ok());
  }
  streams.clear();  // waits for what is on them
  for (const auto& value : values) EXPECT_EQ(value, (std::vector<double>{111, 222}));
}

TEST(NcclCommTest, ARankThatDoesNotConnectIsNotWaitedForEndlessly) {
  const FakeNccl nccl("hang_start=1");
  const auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 2, {{0}, {1}}, milliseconds(50));
  ASSERT_FALSE(comms);
  EXPECT_EQ(comms.error().code, parallel::Code::kStalled);
}

TEST(NcclCommTest, AFailureToConnectIsToldInNcclsWords) {
  const FakeNccl nccl("fail_start=1:2");
  const auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 2, {{0}, {1}});
  ASSERT_FALSE(comms);
  EXPECT_EQ(comms.error(),
            (Status{parallel::Code::kPeerFailed,
                    "NCCL's communicator: unhandled system error (injected) on rank 1", 1}));
}

TEST(NcclCommTest, CallsAfterAnAbortFail) {
  const FakeNccl nccl;
  auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 1, {{0}});
  ASSERT_TRUE(comms);
  Comm& comm = *(*comms)[0];
  comm.Abort();
  comm.Abort();
  double x = 1;
  EXPECT_EQ(comm.AllReduce(&x, &x, 1, DType::kFloat64, ReduceOp::kSum, nullptr).code,
            parallel::Code::kAborted);
  EXPECT_EQ(comm.Poll().code, parallel::Code::kAborted);
}

// The fake checks what real NCCL does not: that all ranks call the same.
TEST(NcclCommTest, CallsInDifferentOrderAreNoticed) {
  const FakeNccl nccl;
  auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 2, {{0}, {1}});
  ASSERT_TRUE(comms);
  std::vector<double> x(4), y(4);
  Status other;
  std::thread peer(
      [&] { other = (*comms)[1]->Broadcast(y.data(), y.data(), 4, DType::kFloat64, 1, nullptr); });
  const Status own =
      (*comms)[0]->AllReduce(x.data(), x.data(), 4, DType::kFloat64, ReduceOp::kSum, nullptr);
  peer.join();
  EXPECT_NE(own.message.find("invalid usage (rank 0 calls ncclAllReduce(count 4, type 8, op 0, "
                             "root 0), rank 1 ncclBroadcast(count 4, type 8, op 0, root 1))"),
            std::string::npos)
      << own.message;
  EXPECT_FALSE(other.ok());
}

// Those of one group go on at the same time, more than fits between two ranks at once.
TEST(NcclCommTest, SendsAndReceivesOfAGroupDoNotWaitForEachOther) {
  const FakeNccl nccl;
  constexpr size_t kCount = 10'000;
  auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 2, {{0}, {1}});
  ASSERT_TRUE(comms);
  std::vector<double> received[2][2];
  const auto swap = [&](int own) {
    Comm& comm = *(*comms)[static_cast<size_t>(own)];
    const std::vector<double> first(kCount, 1 + own), second(kCount, 10 + own);
    for (auto& values : received[own]) values.resize(kCount);
    const Status status = comm.Group([&]() -> Status {
      for (const auto* values : {&first, &second}) {
        if (Status s = comm.Send(values->data(), kCount, DType::kFloat64, 1 - own, nullptr);
            !s.ok()) {
          return s;
        }
      }
      for (auto& values : received[own]) {
        if (Status s = comm.Receive(values.data(), kCount, DType::kFloat64, 1 - own, nullptr);
            !s.ok()) {
          return s;
        }
      }
      return {};
    });
    EXPECT_TRUE(status.ok()) << status.message;
  };
  std::thread peer([&] { swap(1); });
  swap(0);
  peer.join();
  for (int own : {0, 1}) {
    EXPECT_EQ(received[own][0], std::vector<double>(kCount, 2 - own));
    EXPECT_EQ(received[own][1], std::vector<double>(kCount, 11 - own));
  }
}

// The fake checks this, too.
TEST(NcclCommTest, WhatIsReceivedMustBeWhatIsSent) {
  const FakeNccl nccl;
  auto comms = ConnectSeats(*Comm::MakeId(TheLibrary()), 2, {{0}, {1}});
  ASSERT_TRUE(comms);
  double x[3] = {};
  EXPECT_TRUE((*comms)[0]->Send(x, 2, DType::kFloat64, 1, nullptr).ok());
  const Status status = (*comms)[1]->Receive(x, 3, DType::kFloat64, 0, nullptr);
  EXPECT_NE(status.message.find("rank 0 sends 2 of type 8, received are 3 of type 8"),
            std::string::npos)
      << status.message;
}

// --- processes ----------------------------------------------------------------------------------

// What a rank that is a process does; the exit status: 0 if all is well.
int RunProcess(const UniqueId& id, int rank, int size) {
  auto comms = ConnectSeats(id, size, {{rank}});
  if (!comms) return 1;
  Comm& comm = *(*comms)[0];
  const size_t count = 100'003;
  std::vector<int64_t> values(count), gathered(2 * static_cast<size_t>(size));
  std::iota(values.begin(), values.end(), rank);
  if (!comm.AllReduce(values.data(), values.data(), count, DType::kInt64, ReduceOp::kSum, nullptr)
           .ok()) {
    return 2;
  }
  const int64_t ranks = size * (size - 1) / 2;
  for (size_t i = 0; i < count; ++i) {
    if (values[i] != static_cast<int64_t>(i) * size + ranks) return 3;
  }
  const int64_t mine[] = {rank, -rank};
  if (!comm.AllGather(mine, gathered.data(), 2, DType::kInt64, nullptr).ok()) return 4;
  for (int r = 0; r < size; ++r) {
    if (gathered[2 * r] != r || gathered[2 * r + 1] != -r) return 5;
  }
  return 0;
}

TEST(NcclCommTest, RanksMayBeProcesses) {
  constexpr int kSize = 3;
  const Result<UniqueId> id = Comm::MakeId(TheLibrary());
  ASSERT_TRUE(id);
  std::vector<pid_t> children;
  for (int rank = 0; rank < kSize; ++rank) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) _exit(RunProcess(*id, rank, kSize));
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
}  // namespace eta::parallel::nccl
