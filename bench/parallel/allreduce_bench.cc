// All-reduce, exchange and barrier of the local backend, ranks as threads of this process.
// Bytes per second count one rank's buffer once (algorithm bandwidth).
#include <benchmark/benchmark.h>

#include <thread>
#include <vector>

#include "parallel/core/world.h"

namespace eta::parallel {
namespace {

// Ranks 1.. mirror what rank 0, the benchmark's thread, does, until it leaves.
template <class Step>
void RunBeside(benchmark::State& state, int ranks, const Step& step) {
  auto world = *World::Create({.devices = std::vector<Device>(ranks), .backend = "local"});
  // The others learn at each step whether it is the last one.
  const auto go_on = [](Member& member, bool more) {
    std::vector<char> all(member.size());
    if (!member.Exchange<char>("go on", more, all, "").ok()) return false;
    return all[0] != 0;
  };
  constexpr int kBatch = 16;  // steps between two such exchanges
  std::vector<std::thread> threads;
  for (int rank = 1; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      auto member = *World::Join(world, rank);
      auto mine = step(*member);
      while (go_on(*member, true)) {
        for (int i = 0; i < kBatch; ++i) mine();
      }
      member->Return();
    });
  }
  auto member = *World::Join(world, 0);
  auto mine = step(*member);
  while (state.KeepRunningBatch(kBatch)) {
    go_on(*member, true);
    for (int i = 0; i < kBatch; ++i) mine();
  }
  go_on(*member, false);
  member->Return();
  for (std::thread& thread : threads) thread.join();
}

void BM_AllReduce(benchmark::State& state) {
  const int ranks = static_cast<int>(state.range(0));
  const size_t bytes = static_cast<size_t>(state.range(1));
  RunBeside(state, ranks, [&](Member& member) {
    return [&member, values = std::vector<float>(bytes / sizeof(float))]() mutable {
      const Buffer buffer{values.data(), values.size(), DType::kFloat32};
      benchmark::DoNotOptimize(
          member.communicator().AllReduce(buffer, ReduceOp::kSum, "").status());
    };
  });
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}
BENCHMARK(BM_AllReduce)
    ->ArgNames({"ranks", "bytes"})
    ->ArgsProduct({{2, 4}, {4 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 25 << 20, 100 << 20}})
    ->UseRealTime();

void BM_Barrier(benchmark::State& state) {
  RunBeside(state, static_cast<int>(state.range(0)), [](Member& member) {
    return [&member] { benchmark::DoNotOptimize(member.communicator().Barrier("").status()); };
  });
}
BENCHMARK(BM_Barrier)->ArgName("ranks")->Arg(2)->Arg(4)->UseRealTime();

void BM_Exchange(benchmark::State& state) {
  struct Settle {
    double values[16];
  };
  const int ranks = static_cast<int>(state.range(0));
  RunBeside(state, ranks, [&](Member& member) {
    return [&member, all = std::vector<Settle>(ranks)]() mutable {
      benchmark::DoNotOptimize(member.Exchange<Settle>("settle", {}, all, "a.eta:1:1"));
    };
  });
}
BENCHMARK(BM_Exchange)->ArgName("ranks")->Arg(2)->Arg(4)->UseRealTime();

}  // namespace
}  // namespace eta::parallel
