// Ranks that are not in the same collective: all of them learn it, nothing is mixed.
#include <gtest/gtest.h>

#include <string>

#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

using Call = std::function<Status(Member&)>;

// Every rank must get the same status, which is returned.
Status Desync(const std::vector<Call>& calls, int cores = 0) {
  std::vector<Status> seen(calls.size());
  WorldOptions options = TestWorld(static_cast<int>(calls.size()));
  options.cores = cores;
  const World::Outcome outcome = RunRanks(std::move(options), [&](Member& m) {
    seen[m.rank()] = calls[m.rank()](m);
    EXPECT_EQ(m.communicator().Barrier("").status(), seen[m.rank()]) << "the world is over";
  });
  for (const Status& status : seen) EXPECT_EQ(status, outcome.status);
  EXPECT_EQ(outcome.status.code, Code::kDesync);
  EXPECT_EQ(outcome.exit_code, 1);
  return outcome.status;
}

Call AllReduce(size_t count, DType dtype, ReduceOp op, const char* site) {
  return [=](Member& member) {
    std::vector<double> data(count, 1 + member.rank());
    const Buffer buffer{data.data(), count, dtype};
    Status status = member.communicator().AllReduce(buffer, op, site).status();
    EXPECT_EQ(data, std::vector<double>(count, 1 + member.rank())) << "data was mixed";
    return status;
  };
}

Call Barrier(const char* site) {
  return [=](Member& member) { return member.communicator().Barrier(site).status(); };
}

Call ExchangeForWork(const char* site) {
  return [=](Member& member) {
    std::vector<int> all(member.size());
    return member.ExchangeForWork<int>("work", 1, all, site);
  };
}

Call Exchange(const char* name, const char* site) {
  return [=](Member& member) {
    std::vector<int> all(member.size());
    return member.Exchange<int>(name, 1, all, site);
  };
}

TEST(DesyncTest, DifferentOperations) {
  const Status status =
      Desync({AllReduce(10, DType::kFloat64, ReduceOp::kSum, "a.eta:3:1"), Barrier("a.eta:9:1")});
  EXPECT_EQ(status.message,
            "rank 0 is in all-reduce of 10 float64 at a.eta:3:1, rank 1 in barrier at a.eta:9:1");
  EXPECT_EQ(status.rank, -1);
}

TEST(DesyncTest, TheRankThatIsAloneIsAtFault) {
  const Call usual = AllReduce(10, DType::kFloat64, ReduceOp::kSum, "a.eta:3:1");
  const Status status = Desync({usual, Barrier("a.eta:9:1"), usual});
  EXPECT_EQ(status.message,
            "ranks 0 and 2 are in all-reduce of 10 float64 at a.eta:3:1, "
            "rank 1 in barrier at a.eta:9:1");
  EXPECT_EQ(status.rank, 1);
}

TEST(DesyncTest, DifferentCounts) {
  EXPECT_EQ(Desync({AllReduce(10, DType::kFloat64, ReduceOp::kSum, "a.eta:3:1"),
                    AllReduce(0, DType::kFloat64, ReduceOp::kSum, "a.eta:3:1")})
                .message,
            "rank 0 is in all-reduce of 10 float64 at a.eta:3:1, "
            "rank 1 in all-reduce of 0 float64 at a.eta:3:1");
}

TEST(DesyncTest, DifferentDTypesAndReductions) {
  EXPECT_EQ(Desync({AllReduce(8, DType::kFloat64, ReduceOp::kMax, "a.eta:3:1"),
                    AllReduce(8, DType::kInt64, ReduceOp::kMax, "a.eta:3:1")})
                .message,
            "rank 0 is in all-reduce max of 8 float64 at a.eta:3:1, "
            "rank 1 in all-reduce max of 8 int64 at a.eta:3:1");
  EXPECT_EQ(Desync({AllReduce(8, DType::kInt32, ReduceOp::kMax, "a.eta:3:1"),
                    AllReduce(8, DType::kInt32, ReduceOp::kMin, "a.eta:3:1")})
                .message,
            "rank 0 is in all-reduce max of 8 int32 at a.eta:3:1, "
            "rank 1 in all-reduce min of 8 int32 at a.eta:3:1");
}

TEST(DesyncTest, DifferentRoots) {
  const auto broadcast = [](int root) {
    return [root](Member& member) {
      float x = 0;
      const Buffer buffer{&x, 1, DType::kFloat32};
      return member.communicator().Broadcast(buffer, root, "a.eta:3:1").status();
    };
  };
  EXPECT_EQ(Desync({broadcast(0), broadcast(1)}).message,
            "rank 0 is in broadcast of 1 float32 from rank 0 at a.eta:3:1, "
            "rank 1 in broadcast of 1 float32 from rank 1 at a.eta:3:1");
}

TEST(DesyncTest, CountsThatDoNotFitTogether) {
  const auto gather = [](std::vector<size_t> counts) {
    return [counts](Member& member) {
      float in[4] = {}, out[5] = {};
      const Buffer input{in, counts[member.rank()], DType::kFloat32};
      const Buffer output{out, 5, DType::kFloat32};
      return member.communicator().AllGather(input, output, counts, "a.eta:3:1").status();
    };
  };
  EXPECT_EQ(Desync({gather({2, 3}), gather({1, 4})}).message,
            "ranks 0 and 1 are in all-gather of 5 float32 at a.eta:3:1; "
            "the counts that they give for each rank differ");
}

TEST(DesyncTest, PartsThatDoNotFitTogether) {
  const auto send = [](std::vector<size_t> counts) {
    return [counts](Member& member) {
      float in[5] = {}, out[8] = {};
      const Buffer input{in, 5, DType::kFloat32};
      const Buffer output{out, 2 * counts[member.rank()], DType::kFloat32};
      return member.communicator().AllToAll(input, output, counts, "a.eta:3:1").status();
    };
  };
  EXPECT_EQ(Desync({send({2, 3}), send({1, 4})}).message,
            "ranks 0 and 1 are in all-to-all of 5 float32 at a.eta:3:1; "
            "the counts that they give for each rank differ");
}

TEST(DesyncTest, DifferentExchanges) {
  EXPECT_EQ(
      Desync({Exchange("train-step!", "a.eta:3:1"), Exchange("accuracy", "a.eta:9:1")}).message,
      "rank 0 is in train-step! at a.eta:3:1, rank 1 in accuracy at a.eta:9:1");
}

TEST(DesyncTest, DifferentSitesAreNoDesync) {
  const World::Outcome outcome = RunRanks(TestWorld(3), [](Member& member) {
    const std::string site = "a.eta:" + std::to_string(member.rank()) + ":1";
    EXPECT_TRUE(member.communicator().Barrier(site).status().ok());
    // Equal names need not be the same pointer.
    static constexpr char kNames[3][12] = {"train-step!", "train-step!", "train-step!"};
    std::vector<int> all(3);
    EXPECT_TRUE(member.Exchange<int>(kNames[member.rank()], member.rank(), all, site).ok());
    EXPECT_EQ(all, (std::vector<int>{0, 1, 2}));
    EXPECT_TRUE(member.communicator().Barrier(site).status().ok());
  });
  EXPECT_TRUE(outcome.status.ok());
}

// Also those that sleep while others work, whoever it is that is elsewhere.
TEST(DesyncTest, OfRanksThatLeaveWorkToOthers) {
  const Call work = ExchangeForWork("a.eta:3:1"), elsewhere = Barrier("a.eta:9:1");
  for (size_t stray = 0; stray < 4; ++stray) {
    for (int cores : {1, 2, 3}) {
      std::vector<Call> calls(4, work);
      calls[stray] = elsewhere;
      EXPECT_EQ(Desync(calls, cores).rank, static_cast<int>(stray));
    }
  }
}

}  // namespace
}  // namespace eta::parallel
