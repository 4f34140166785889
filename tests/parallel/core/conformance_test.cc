// What every backend has to do: one suite over backend and ranks x dtype x count. The values are
// small integers, exact in every dtype, so that all backends must give the same numbers. The nccl
// backend runs over a fake NCCL, on the CPU and on devices that stand in for GPUs, as gpu-groups
// does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>

#include "parallel/core/slice.h"
#include "tests/fakes/fake_nccl.h"
#include "tests/fakes/host_device.h"
#include "tests/parallel/core/elements.h"
#include "tests/parallel/core/ranks.h"

namespace eta::parallel {
namespace {

struct Setting {
  const char* backend;
  int ranks;
  std::vector<int> gpus = {};       // the ranks on each; empty: they are on the CPU
  std::vector<int> processes = {};  // their ranks; empty: one has all
};

const Setting kSettings[] = {{"solo", 1},
                             {"local", 1},
                             {"local", 2},
                             {"local", 3},
                             {"local", 4},
                             {"local", 7},
                             {"local", 8},
                             {"nccl", 1},
                             {"nccl", 2},
                             {"nccl", 3},
                             {"nccl", 4},
                             {"nccl", 8},
                             {"nccl", 1, {1}},
                             {"nccl", 2, {1, 1}},
                             {"nccl", 3, {1, 1, 1}},
                             {"nccl", 4, {1, 1, 1, 1}},
                             {"nccl", 8, {1, 1, 1, 1, 1, 1, 1, 1}},
                             {"gpu-groups", 1, {1}},
                             {"gpu-groups", 2, {2}},
                             {"gpu-groups", 3, {3}},
                             {"gpu-groups", 3, {1, 2}},
                             {"gpu-groups", 4, {4}},
                             {"gpu-groups", 4, {2, 2}},
                             {"gpu-groups", 4, {2, 1, 1}},
                             {"gpu-groups", 8, {8}},
                             {"gpu-groups", 8, {5, 3}},
                             {"gpu-groups", 8, {3, 3, 2}},
                             {.backend = "mpi", .ranks = 2, .processes = {1, 1}},
                             {.backend = "mpi", .ranks = 4, .processes = {3, 1}},
                             {.backend = "mpi", .ranks = 7, .processes = {2, 1, 4}}};

std::string Joined(const std::string& separator, const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text += separator + std::to_string(number);
  return text;
}

std::string NameOf(const Setting& setting) {
  std::string name = setting.backend;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + std::to_string(setting.ranks) + Joined("g", setting.gpus) +
         Joined("x", setting.processes);
}

Device DeviceOf(const Setting& setting, int rank) {
  int16_t gpu = 0;
  for (int end = 0; static_cast<size_t>(gpu) < setting.gpus.size(); ++gpu) {
    end += setting.gpus[static_cast<size_t>(gpu)];
    if (rank < end) return {Device::Kind::kCuda, gpu};
  }
  return {};
}

WorldOptions WorldOf(const Setting& setting) {
  WorldOptions options = TestWorld(setting.ranks);
  options.backend = setting.backend;
  options.device_ops = MakeHostDeviceOps();
  for (int r = 0; r < setting.ranks; ++r) options.devices[r] = DeviceOf(setting, r);
  return options;
}

World::Outcome RunIn(const Setting& setting, const RankBody& body) {
  if (setting.processes.empty()) return RunRanks(WorldOf(setting), body);
  LoopbackJob job(static_cast<int>(setting.processes.size()));
  const auto outcomes = RunJob(job, setting.processes, WorldOf(setting), body);
  for (const World::Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.status, outcomes[0].status);
    EXPECT_EQ(outcome.exit_code, outcomes[0].exit_code);
  }
  return outcomes[0];
}

// The buffer as it lies on the rank's device.
Buffer Placed(const Setting& setting, const Member& member, Buffer buffer) {
  buffer.device = DeviceOf(setting, member.rank());
  return buffer;
}

constexpr DType kDTypes[] = {
#define ETA_LIST(id, name, size) DType::id,
    ETA_DTYPES(ETA_LIST)
#undef ETA_LIST
};

constexpr ReduceOp kOps[] = {ReduceOp::kSum, ReduceOp::kMean, ReduceOp::kMax, ReduceOp::kMin};

// Values repeat with this period, so that large buffers are made and compared as bytes.
constexpr size_t kPeriod = 8;

// Element i of rank r.
double Value(DType dtype, int rank, size_t i) {
  const size_t value = (static_cast<size_t>(rank) * 5 + i) % kPeriod;
  return static_cast<double>(dtype == DType::kBool ? value % 2 : value);
}

// `count` elements, of which the first is value(begin).
template <class F>
Elements Filled(DType dtype, size_t begin, size_t count, const F& value) {
  Elements elements(dtype, count);
  for (size_t i = 0; i < std::min(count, kPeriod); ++i) elements.Set(i, value(begin + i));
  elements.Repeat(kPeriod);
  return elements;
}

Elements OfRank(DType dtype, int rank, size_t count) {
  return Filled(dtype, 0, count, [&](size_t i) { return Value(dtype, rank, i); });
}

// What element i is after a reduction over all ranks.
double Reduced(DType dtype, ReduceOp op, int ranks, size_t i) {
  double result = Value(dtype, 0, i);
  for (int r = 1; r < ranks; ++r) {
    const double next = Value(dtype, r, i);
    if (op == ReduceOp::kMax) {
      result = std::max(result, next);
    } else if (op == ReduceOp::kMin) {
      result = std::min(result, next);
    } else {
      result += next;
    }
  }
  if (op != ReduceOp::kMean) return result;
  // All but float64 divide in float.
  if (dtype == DType::kFloat64) return result / ranks;
  return static_cast<float>(result) / static_cast<float>(ranks);
}

// Elements [begin, begin + count) of the reduction.
Elements Reduction(DType dtype, ReduceOp op, int ranks, size_t begin, size_t count) {
  return Filled(dtype, begin, count, [&](size_t i) { return Reduced(dtype, op, ranks, i); });
}

// Compares without printing a mebibyte.
bool SameBytes(const Elements& a, const Elements& b) { return a.bytes() == b.bytes(); }

// Uneven parts that add up to `count`; some are empty.
std::vector<size_t> UnevenCounts(size_t count, int ranks) {
  std::vector<size_t> counts(static_cast<size_t>(ranks));
  size_t left = count;
  for (int r = 0; r + 1 < ranks; ++r) {
    counts[r] = r % 3 == 1 ? 0 : left / 2;
    left -= counts[r];
  }
  counts.back() = left;
  return counts;
}

using Parameters = std::tuple<Setting, DType, size_t>;

class ConformanceTest : public testing::TestWithParam<Parameters> {
 protected:
  DType dtype() const { return std::get<1>(GetParam()); }
  size_t count() const { return std::get<2>(GetParam()); }
  int ranks() const { return std::get<0>(GetParam()).ranks; }

  void Run(const RankBody& body) {
    const FakeNccl nccl;
    const World::Outcome outcome = RunIn(std::get<0>(GetParam()), body);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
  }

  Buffer On(const Member& member, const Buffer& buffer) const {
    return Placed(std::get<0>(GetParam()), member, buffer);
  }
};

TEST_P(ConformanceTest, AllReduce) {
  Run([&](Member& member) {
    for (ReduceOp op : kOps) {
      Elements mine = OfRank(dtype(), member.rank(), count());
      const Status status =
          member.communicator().AllReduce(On(member, mine.buffer()), op, "a").status();
      if (!CanReduce(dtype(), op)) {
        EXPECT_EQ(status.code, Code::kInvalid);
        continue;
      }
      ASSERT_TRUE(status.ok()) << status.message;
      EXPECT_TRUE(SameBytes(mine, Reduction(dtype(), op, ranks(), 0, count()))) << NameOf(op);
    }
  });
}

TEST_P(ConformanceTest, AllReduceIntoOtherMemory) {
  const ReduceOp op = dtype() == DType::kBool ? ReduceOp::kMax : ReduceOp::kSum;
  Run([&](Member& member) {
    Elements mine = OfRank(dtype(), member.rank(), count());
    const Elements before = OfRank(dtype(), member.rank(), count());
    Elements out = OfRank(dtype(), member.rank() + 1, count());
    const Status status =
        member.communicator()
            .AllReduce(On(member, mine.buffer()), On(member, out.buffer()), op, "a")
            .status();
    ASSERT_TRUE(status.ok()) << status.message;
    EXPECT_TRUE(SameBytes(out, Reduction(dtype(), op, ranks(), 0, count())));
    EXPECT_TRUE(SameBytes(mine, before));
  });
}

TEST_P(ConformanceTest, SeveralAllReducesMayBeUnderWay) {
  const ReduceOp op = dtype() == DType::kBool ? ReduceOp::kMax : ReduceOp::kSum;
  Run([&](Member& member) {
    std::vector<Elements> all;
    for (int i = 0; i < 3; ++i) all.push_back(OfRank(dtype(), member.rank() + i, count()));
    std::vector<Work> works;
    for (Elements& mine : all) {
      const Buffer buffer = On(member, mine.buffer());
      works.push_back(member.communicator().StartAllReduce({&buffer, 1}, op, "a"));
    }
    for (Work& work : works) ASSERT_TRUE(work.Wait(Deadline::max()).ok());
    EXPECT_TRUE(SameBytes(all[0], Reduction(dtype(), op, ranks(), 0, count())));
    // The rank's own thread meets the others again.
    ASSERT_TRUE(member.communicator().Barrier("b").status().ok());
  });
}

TEST_P(ConformanceTest, AllReduceOfSeveralBuffers) {
  Run([&](Member& member) {
    for (ReduceOp op : kOps) {
      if (count() > 10000 && op != ReduceOp::kMax) continue;
      std::vector<Elements> all;
      for (size_t i = 0; i < 3; ++i) all.push_back(OfRank(dtype(), member.rank(), count() + i));
      std::vector<Buffer> buffers;
      for (Elements& mine : all) buffers.push_back(On(member, mine.buffer()));
      Work work = member.communicator().StartAllReduce(buffers, op, "a");
      const Status status = work.Wait(Deadline::max());
      if (!CanReduce(dtype(), op)) {
        EXPECT_EQ(status.code, Code::kInvalid);
        continue;
      }
      ASSERT_TRUE(status.ok()) << status.message;
      for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(SameBytes(all[i], Reduction(dtype(), op, ranks(), 0, count() + i))) << i;
      }
    }
    ASSERT_TRUE(member.communicator().Barrier("b").status().ok());
  });
}

TEST_P(ConformanceTest, ReduceScatterOfUnevenParts) {
  const ReduceOp op = dtype() == DType::kBool ? ReduceOp::kMax : ReduceOp::kSum;
  const std::vector<size_t> counts = UnevenCounts(count(), ranks());
  Run([&](Member& member) {
    const Slice part = PartOf(counts, member.rank());
    const Elements expected = Reduction(dtype(), op, ranks(), part.begin, part.count());
    Elements input = OfRank(dtype(), member.rank(), count());
    Elements output(dtype(), part.count());
    Communicator& comm = member.communicator();
    const Buffer in = On(member, input.buffer()), out = On(member, output.buffer());
    ASSERT_TRUE(comm.ReduceScatter(in, out, counts, op, "a").status().ok());
    EXPECT_TRUE(SameBytes(output, expected));
    EXPECT_TRUE(SameBytes(input, OfRank(dtype(), member.rank(), count()))) << "input is only read";

    const Buffer own = On(member, input.part(part.begin, part.count()));
    ASSERT_TRUE(comm.ReduceScatter(in, own, counts, op, "in place").status().ok());
    Elements copy(dtype(), part.count());
    if (own.count > 0) std::memcpy(copy.buffer().data, own.data, own.bytes());
    EXPECT_TRUE(SameBytes(copy, expected));
  });
}

TEST_P(ConformanceTest, AllGatherOfUnevenParts) {
  const std::vector<size_t> counts = UnevenCounts(count(), ranks());
  Elements expected(dtype(), count());
  for (int r = 0; r < ranks(); ++r) {
    Elements input = OfRank(dtype(), r, counts[r]);
    const Buffer part = expected.part(PartOf(counts, r).begin, counts[r]);
    if (part.count > 0) std::memcpy(part.data, input.buffer().data, part.bytes());
  }
  Run([&](Member& member) {
    Elements input = OfRank(dtype(), member.rank(), counts[member.rank()]);
    Elements output(dtype(), count());
    Communicator& comm = member.communicator();
    const Buffer in = On(member, input.buffer()), out = On(member, output.buffer());
    ASSERT_TRUE(comm.AllGather(in, out, counts, "a").status().ok());
    EXPECT_TRUE(SameBytes(output, expected));

    Elements in_place(dtype(), count());
    const Buffer whole = On(member, in_place.buffer());
    const Buffer own =
        On(member, in_place.part(PartOf(counts, member.rank()).begin, input.count()));
    if (own.count > 0) std::memcpy(own.data, input.buffer().data, own.bytes());
    ASSERT_TRUE(comm.AllGather(own, whole, counts, "in place").status().ok());
    EXPECT_TRUE(SameBytes(in_place, expected));
  });
}

TEST_P(ConformanceTest, AllToAllOfUnevenParts) {
  const std::vector<size_t> counts = UnevenCounts(count(), ranks());
  Run([&](Member& member) {
    const Slice part = PartOf(counts, member.rank());
    const auto from = [&](int r) {
      return Filled(dtype(), part.begin, part.count(),
                    [&](size_t i) { return Value(dtype(), r, i); });
    };
    Elements input = OfRank(dtype(), member.rank(), count());
    Elements output(dtype(), part.count() * static_cast<size_t>(ranks()));
    const Buffer in = On(member, input.buffer()), out = On(member, output.buffer());
    ASSERT_TRUE(member.communicator().AllToAll(in, out, counts, "a").status().ok());
    for (int r = 0; part.count() > 0 && r < ranks(); ++r) {
      const Buffer block = output.part(static_cast<size_t>(r) * part.count(), part.count());
      Elements expected = from(r);
      EXPECT_EQ(std::memcmp(block.data, expected.buffer().data, block.bytes()), 0) << r;
    }
    EXPECT_TRUE(SameBytes(input, OfRank(dtype(), member.rank(), count()))) << "input is only read";
  });
}

TEST_P(ConformanceTest, BroadcastFromEachRank) {
  Run([&](Member& member) {
    // Every root with small buffers; one with a large one, which takes its time under sanitizers.
    for (int root = count() > 10000 ? ranks() - 1 : 0; root < ranks(); ++root) {
      Elements mine = OfRank(dtype(), member.rank(), count());
      ASSERT_TRUE(
          member.communicator().Broadcast(On(member, mine.buffer()), root, "a").status().ok());
      EXPECT_TRUE(SameBytes(mine, OfRank(dtype(), root, count())));
    }
  });
}

std::string NameOfParameters(const testing::TestParamInfo<Parameters>& info) {
  const auto& [setting, dtype, count] = info.param;
  return NameOf(setting) + "_" + NameOf(dtype) + "_" + std::to_string(count);
}

INSTANTIATE_TEST_SUITE_P(SmallCounts, ConformanceTest,
                         testing::Combine(testing::ValuesIn(kSettings), testing::ValuesIn(kDTypes),
                                          testing::Values(0, 1, 7, 1024)),
                         NameOfParameters);
INSTANTIATE_TEST_SUITE_P(Mebi, ConformanceTest,
                         testing::Combine(testing::ValuesIn(kSettings),
                                          testing::Values(DType::kFloat32, DType::kBFloat16,
                                                          DType::kUInt8),
                                          testing::Values(size_t{1} << 20)),
                         NameOfParameters);

// Many times what a rank handles at once, and not a multiple of it.
class LargeTest : public testing::TestWithParam<Setting> {};

TEST_P(LargeTest, AllReduce) {
  constexpr size_t kCount = (size_t{16} << 20) + 3;
  const FakeNccl nccl;
  const Setting& setting = GetParam();
  const Elements expected = Reduction(DType::kFloat32, ReduceOp::kSum, setting.ranks, 0, kCount);
  const World::Outcome outcome = RunIn(setting, [&](Member& member) {
    Elements mine = OfRank(DType::kFloat32, member.rank(), kCount);
    const Buffer buffer = Placed(setting, member, mine.buffer());
    ASSERT_TRUE(member.communicator().AllReduce(buffer, ReduceOp::kSum, "a").status().ok());
    EXPECT_TRUE(SameBytes(mine, expected));
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

INSTANTIATE_TEST_SUITE_P(Backends, LargeTest, testing::ValuesIn(kSettings),
                         [](const auto& info) { return NameOf(info.param); });

class ArgumentsTest : public testing::TestWithParam<Setting> {};

TEST_P(ArgumentsTest, BadOnesAreRefusedAndHarmNobody) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunIn(GetParam(), [](Member& member) {
    Communicator& comm = member.communicator();
    const auto code = [](Work work) { return work.status().code; };
    const size_t ranks = static_cast<size_t>(member.size());
    std::vector<float> data(4 * ranks);
    const auto on = [&](Buffer buffer) { return Placed(GetParam(), member, buffer); };
    const Buffer all = on({data.data(), data.size(), DType::kFloat32});
    const Buffer four = on({data.data(), 4, DType::kFloat32});
    const Buffer nothing = on({nullptr, 4, DType::kFloat32});
    const Buffer other = on({data.data(), 4, DType::kInt32});
    const std::vector<size_t> even(ranks, 4), too_many(ranks + 1, 4), too_large(ranks, 5);
    EXPECT_EQ(code(comm.AllReduce(nothing, ReduceOp::kSum, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllReduce(other, ReduceOp::kMean, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllReduce(four, all, ReduceOp::kSum, "")),
              ranks == 1 ? Code::kOk : Code::kInvalid);
    EXPECT_EQ(code(comm.AllReduce(four, other, ReduceOp::kSum, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.Broadcast(four, -1, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.Broadcast(four, member.size(), "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllGather(four, all, too_many, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllGather(four, all, too_large, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllGather(other, all, even, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllToAll(all, four, even, "")), ranks == 1 ? Code::kOk : Code::kInvalid);
    EXPECT_EQ(code(comm.AllToAll(all, all, too_many, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.AllToAll(four, all, too_large, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.ReduceScatter(four, all, too_many, ReduceOp::kSum, "")), Code::kInvalid);
    EXPECT_EQ(code(comm.Barrier("")), Code::kOk);
  });
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.message;
}

TEST_P(ArgumentsTest, AbortEndsLaterCalls) {
  const FakeNccl nccl;
  const World::Outcome outcome = RunIn(GetParam(), [](Member& member) {
    if (member.rank() == 0) member.communicator().Abort({Code::kAborted, "enough", -1});
    float x = 1;
    Status status;
    do {
      const Buffer buffer = Placed(GetParam(), member, {&x, 1, DType::kFloat32});
      status = member.communicator().AllReduce(buffer, ReduceOp::kSum, "").status();
    } while (status.ok());
    EXPECT_EQ(status, (Status{Code::kAborted, "enough", -1}));
  });
  EXPECT_EQ(outcome.status.code, Code::kAborted);
  EXPECT_EQ(outcome.exit_code, 1);
}

INSTANTIATE_TEST_SUITE_P(Backends, ArgumentsTest, testing::ValuesIn(kSettings),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace eta::parallel
