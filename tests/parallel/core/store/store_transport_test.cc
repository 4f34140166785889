// Processes that meet through a store; here they are threads, and the store is in memory.
#include "parallel/core/store/store_transport.h"

#include <gtest/gtest.h>

#include <barrier>
#include <chrono>
#include <functional>
#include <thread>

#include "parallel/core/work.h"
#include "tests/fakes/memory_store.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool Never() { return false; }

class StoreTransportTest : public testing::Test {
 protected:
  // Each test has a store of its own.
  StoreTransportTest() : port_(++last_port) {}

  TorchrunJob Job(int process, int processes) const {
    TorchrunJob job;
    job.process = process;
    job.processes = processes;
    job.address = "node1";
    job.port = port_;
    job.run = "run";
    return job;
  }

  // Calls `body` for each process on a thread of its own.
  void Run(int processes, const std::function<void(Transport&)>& body,
           std::chrono::nanoseconds patience = seconds(20)) {
    std::vector<std::thread> threads;
    for (int p = 0; p < processes; ++p) {
      threads.emplace_back([&, p] {
        auto transport = StoreTransport::Start(Job(p, processes), OpenMemoryStore, patience);
        ASSERT_TRUE(transport) << transport.error().message;
        body(**transport);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // What starting comes to, of processes that think the job to be of these sizes.
  std::vector<Status> Start(const std::vector<TorchrunJob>& jobs,
                            std::chrono::nanoseconds patience) {
    std::vector<Status> statuses(jobs.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < jobs.size(); ++i) {
      threads.emplace_back([&, i] {
        const auto started = StoreTransport::Start(jobs[i], OpenMemoryStore, patience);
        if (!started) statuses[i] = started.error();
      });
    }
    for (std::thread& thread : threads) thread.join();
    return statuses;
  }

  const uint16_t port_;

 private:
  static inline uint16_t last_port = 0;
};

std::byte Filling(int from, int to) { return static_cast<std::byte>(16 * (from + 1) + to + 1); }

// The parts of some sizes, each filled with a byte of its own.
std::vector<std::byte> Parts(const std::vector<size_t>& sizes,
                             const std::function<std::byte(int part)>& filling) {
  std::vector<std::byte> parts;
  for (size_t p = 0; p < sizes.size(); ++p) {
    parts.insert(parts.end(), sizes[p], filling(static_cast<int>(p)));
  }
  return parts;
}

TEST_F(StoreTransportTest, GathersPartsOfAnySize) {
  const std::vector<size_t> sizes = {3, 0, (size_t{9} << 20) + 5};  // the last in several pieces
  const auto expected = Parts(sizes, [](int p) { return Filling(p, p); });
  Run(3, [&](Transport& transport) {
    const auto own = [&](int p) { return p == transport.process() ? Filling(p, p) : std::byte{}; };
    std::vector<std::byte> all = Parts(sizes, own);
    EXPECT_EQ(transport.AllGather(all.data(), sizes, Never), Status{});
    EXPECT_EQ(all, expected);
    EXPECT_EQ(transport.Close(Never), Status{});
  });
}

TEST_F(StoreTransportTest, HandsEachProcessItsPart) {
  Run(3, [&](Transport& transport) {
    const int me = transport.process();
    // What p sends to q is of 10 p + q bytes.
    std::vector<size_t> out, in;
    for (int p = 0; p < 3; ++p) {
      out.push_back(static_cast<size_t>(10 * me + p));
      in.push_back(static_cast<size_t>(10 * p + me));
    }
    const auto sent = Parts(out, [&](int p) { return Filling(me, p); });
    std::vector<std::byte> received(Parts(in, [](int) { return std::byte{}; }));
    EXPECT_EQ(transport.AllToAll(sent.data(), out, received.data(), in, Never), Status{});
    EXPECT_EQ(received, Parts(in, [&](int p) { return Filling(p, me); }));
    EXPECT_EQ(transport.Close(Never), Status{});
  });
}

TEST_F(StoreTransportTest, LeavesNoPartsBehind) {
  Run(2, [&](Transport& transport) {
    const std::vector<size_t> sizes = {1, 1};
    std::byte all[2] = {};
    for (int i = 0; i < 200; ++i) EXPECT_EQ(transport.AllGather(all, sizes, Never), Status{});
    EXPECT_EQ(transport.Close(Never), Status{});
  });
  EXPECT_LT(SizeOfMemoryStore(port_), 12u);
}

TEST_F(StoreTransportTest, LettersKeepTheirOrder) {
  Run(2, [&](Transport& transport) {
    for (int i = 0; i < 50; ++i) {
      transport.Post(1 - transport.process(), std::vector(1, static_cast<std::byte>(i)));
    }
    for (int i = 0; i < 50; ++i) {
      auto letter = transport.Collect();
      for (; !letter; letter = transport.Collect()) std::this_thread::yield();
      EXPECT_EQ(letter->from, 1 - transport.process());
      EXPECT_EQ(letter->bytes, std::vector(1, static_cast<std::byte>(i)));
    }
    EXPECT_EQ(transport.Close(Never), Status{});
  });
}

TEST_F(StoreTransportTest, LettersGoWhileATransferWaits) {
  Run(2, [&](Transport& transport) {
    const std::vector<size_t> sizes = {0, 0};
    if (transport.process() == 0) {
      std::optional<Transport::Letter> letter;
      const auto arrived = [&] { return letter || (letter = transport.Collect()); };
      // It ends by the letter: the other one does not come to the transfer.
      EXPECT_EQ(transport.AllGather(nullptr, sizes, arrived).code, Code::kAborted);
    } else {
      transport.Post(0, std::vector(1, std::byte{7}));
    }
  });
}

TEST_F(StoreTransportTest, NamesThoseThatHaveNotCome) {
  const auto statuses = Start({Job(0, 4), Job(2, 4)}, milliseconds(100));
  for (const Status& status : statuses) {
    EXPECT_EQ(status.code, Code::kStalled);
    EXPECT_TRUE(status.message.starts_with(
        "processes 1 and 3 of 4 have not come to the start of the run; the others are on "))
        << status.message;
  }
}

TEST_F(StoreTransportTest, NamesSizesThatDiffer) {
  const auto statuses = Start({Job(0, 2), Job(1, 3)}, seconds(20));
  for (const Status& status : statuses) {
    EXPECT_EQ(status.code, Code::kDesync);
    EXPECT_NE(status.message.find("process 0 has WORLD_SIZE 2"), std::string::npos);
    EXPECT_NE(status.message.find("process 1 has WORLD_SIZE 3"), std::string::npos);
  }
}

TEST_F(StoreTransportTest, ANumberIsForOneProcess) {
  const auto statuses = Start({Job(1, 2), Job(1, 2)}, milliseconds(100));
  const Status& refused = statuses[0].code == Code::kInvalid ? statuses[0] : statuses[1];
  EXPECT_TRUE(refused.message.starts_with("there is another process with RANK 1 at node1:"))
      << refused.message;
}

TEST_F(StoreTransportTest, AKeeperThatHasStoppedIsNamed) {
  Run(
      2,
      [&](Transport& transport) {
        if (transport.process() == 1) return;
        StopMemoryStore(port_);
        const Deadline begin = Clock::now();
        const Status status = transport.AllGather(nullptr, std::vector<size_t>{0, 0}, Never);
        EXPECT_LT(Clock::now() - begin, milliseconds(400));
        EXPECT_EQ(status.code, Code::kPeerFailed);
        EXPECT_NE(status.message.find(", which keeps the job's store at node1:"), std::string::npos)
            << status.message;
        EXPECT_NE(status.message.find("no answer for 0."), std::string::npos) << status.message;
      },
      milliseconds(400));
  ContinueMemoryStore(port_);  // those that wait for it come to an end
}

TEST_F(StoreTransportTest, AKeeperThatIsGoneIsNamed) {
  std::barrier started(2);
  Run(2, [&](Transport& transport) {
    started.arrive_and_wait();
    if (transport.process() == 1) return;
    KillMemoryStore(port_);
    const Status status = transport.AllGather(nullptr, std::vector<size_t>{0, 0}, Never);
    EXPECT_EQ(status.code, Code::kPeerFailed);
    EXPECT_TRUE(status.message.starts_with("lost process 0 on ")) << status.message;
    EXPECT_TRUE(status.message.ends_with(": the connection is closed")) << status.message;
  });
}

TEST_F(StoreTransportTest, AKeeperThatIsGoneIsMissedBetweenTransfers) {
  std::barrier started(2);
  Run(2, [&](Transport& transport) {
    started.arrive_and_wait();
    EXPECT_EQ(transport.LettersLost(), Status{});
    if (transport.process() == 1) return;
    KillMemoryStore(port_);
    while (transport.LettersLost().ok()) std::this_thread::yield();
    EXPECT_TRUE(transport.LettersLost().message.starts_with("lost process 0 on "));
  });
}

TEST_F(StoreTransportTest, NothingIsLostAfterTheEnd) {
  Run(2, [&](Transport& transport) {
    EXPECT_EQ(transport.Close(Never), Status{});
    KillMemoryStore(port_);
    EXPECT_EQ(transport.LettersLost(), Status{});
  });
}

TEST_F(StoreTransportTest, AStoreThatDoesNotAnswerAtTheStartIsNamed) {
  StopMemoryStore(port_);
  const auto statuses = Start({Job(0, 2), Job(1, 2)}, milliseconds(100));
  for (const Status& status : statuses) EXPECT_FALSE(status.ok());
  ContinueMemoryStore(port_);
}

}  // namespace
}  // namespace eta::parallel
