// The heap: how fast it allocates, what a full collection costs by what is alive, how fast holes
// are found and filled again, and what an update of a persistent table costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

#include "base/check.h"
#include "vm/equality.h"
#include "vm/hamt.h"
#include "vm/heap.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr uint32_t kSeed = 1;
constexpr int64_t kPairBytes = sizeof(PairObject);

class NoRoots : public RootSource {
  void TraceRoots(Marker&) override {}
};

std::vector<Value> MakePairs(Heap& heap, RootVector& pairs, int64_t bytes, bool shuffled) {
  for (int64_t i = 0; i < bytes / kPairBytes; ++i) {
    pairs.push_back(heap.Cons(Value::Nil(), Value::Nil()));
  }
  std::vector<Value> order = pairs.values();
  if (shuffled) std::shuffle(order.begin(), order.end(), std::mt19937(kSeed));
  return order;
}

// Pairs linked into one list, in the order in which they lie in memory or in random order.
Value MakeList(Heap& heap, int64_t bytes, bool shuffled) {
  RootVector pairs(heap);
  const std::vector<Value> order = MakePairs(heap, pairs, bytes, shuffled);
  for (size_t i = 1; i < order.size(); ++i) As<PairObject>(order[i])->cdr = order[i - 1];
  return order.empty() ? Value::Nil() : order.back();
}

// Pairs linked into a complete binary tree, in random order.
Value MakeTree(Heap& heap, int64_t bytes) {
  RootVector pairs(heap);
  const std::vector<Value> order = MakePairs(heap, pairs, bytes, /*shuffled=*/true);
  for (size_t i = 1; i < order.size(); ++i) {
    auto* parent = As<PairObject>(order[(i - 1) / 2]);
    (i % 2 == 1 ? parent->car : parent->cdr) = order[i];
  }
  return order.empty() ? Value::Nil() : order.front();
}

int64_t Length(Value list) {
  int64_t length = 0;
  for (; IsPair(list); list = Cdr(list)) ++length;
  return length;
}

// Garbage only, beside a list that each collection has to mark.
void BM_Cons(benchmark::State& state) {
  NoRoots no_roots;
  Heap heap(&no_roots, {});
  const Root live(heap, MakeList(heap, state.range(0) << 20, /*shuffled=*/false));
  for (auto _ : state) benchmark::DoNotOptimize(heap.Cons(Value::Int(1), Value::Nil()));
  ETA_CHECK(Length(live) == (state.range(0) << 20) / kPairBytes);
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * kPairBytes);
}
BENCHMARK(BM_Cons)->ArgName("live_mb")->Arg(0)->Arg(10)->Arg(100);

// Marks everything and sweeps everything. Bytes are the live ones. In a list each object is found
// through the one before; shuffled it is as slow as one memory access after the other.
enum Shape : int64_t { kList, kShuffledList, kShuffledTree };

void BM_Collect(benchmark::State& state) {
  NoRoots no_roots;
  Heap heap(&no_roots, {});
  const int64_t bytes = state.range(0) << 20;
  const auto shape = static_cast<Shape>(state.range(1));
  const Root live(heap, shape == kShuffledTree ? MakeTree(heap, bytes)
                                               : MakeList(heap, bytes, shape == kShuffledList));
  for (auto _ : state) heap.Collect();
  const int64_t pairs = bytes / kPairBytes;
  ETA_CHECK(heap.stats().live_bytes == static_cast<size_t>(pairs * kPairBytes));
  state.SetBytesProcessed(state.iterations() * pairs * kPairBytes);
}
BENCHMARK(BM_Collect)
    ->ArgNames({"live_mb", "shape"})
    ->ArgsProduct({{1, 10, 100}, {kList, kShuffledList, kShuffledTree}})
    ->Unit(benchmark::kMillisecond);

// Fills the holes of 16 MiB of blocks in which one pair of `every` is alive: the blocks are swept
// on the way. An item is an allocated pair, bytes are those of the blocks.
void BM_SweepFragmented(benchmark::State& state) {
  constexpr int64_t kPairs = (16 << 20) / kPairBytes;
  const int64_t every = state.range(0);
  NoRoots no_roots;
  Heap heap(&no_roots, {});
  RootVector live(heap);
  for (int64_t i = 0; i < kPairs; ++i) {
    const Value pair = heap.Cons(Value::Int(i), Value::Nil());
    if (i % every == 0) live.push_back(pair);
  }
  const int64_t holes = kPairs - static_cast<int64_t>(live.size());
  for (auto _ : state) {
    heap.Collect();
    const uint64_t collections = heap.stats().collections;
    const auto begin = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < holes; ++i) heap.Cons(Value::Nil(), Value::Nil());
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(time.count());
    ETA_CHECK(heap.stats().collections == collections);
  }
  for (int64_t i = 0, n = live.size(); i < n; ++i) ETA_CHECK(Car(live[i]).AsInt() == i * every);
  state.SetItemsProcessed(state.iterations() * holes);
  state.SetBytesProcessed(state.iterations() * kPairs * kPairBytes);
}
BENCHMARK(BM_SweepFragmented)
    ->ArgName("every")
    ->Arg(2)
    ->Arg(8)
    ->Arg(64)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// A persistent table with the keys 0, 1, ...
class Table {
 public:
  Table(Vm& vm, int64_t size) : vm_(vm), root_(vm.heap()) {
    for (int64_t key = 0; key < size; ++key) {
      table_ = Insert(key, key);
      root_ = table_.root;
    }
  }
  const Hamt& get() const { return table_; }
  Hamt Insert(int64_t key, int64_t value) {
    return HamtInsert(vm_, table_, Value::Int(key), Hash(key), Value::Int(value));
  }
  const Value* Find(int64_t key) { return HamtFind(vm_, table_, Value::Int(key), Hash(key)); }

 private:
  uint64_t Hash(int64_t key) { return *HashValue(vm_, Value::Int(key)); }

  Vm& vm_;
  Hamt table_;
  Root root_;
};

// The time of a key's new binding, garbage included; the table itself stays as it is.
void BM_HamtUpdate(benchmark::State& state) {
  const int64_t size = state.range(0);
  Vm vm({});
  Table table(vm, size);
  int64_t key = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.Insert(key, -1));
    key = (key + 7919) % size;
  }
  ETA_CHECK(table.get().count == static_cast<size_t>(size));
  ETA_CHECK(table.Find(key)->AsInt() == key);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HamtUpdate)->ArgName("size")->Arg(10)->Arg(1000)->Arg(100'000);

void BM_HamtFind(benchmark::State& state) {
  const int64_t size = state.range(0);
  Vm vm({});
  Table table(vm, size);
  int64_t key = 0, sum = 0, expected = 0;
  for (auto _ : state) {
    sum += table.Find(key)->AsInt();
    expected += key;
    key = (key + 7919) % size;
  }
  ETA_CHECK(sum == expected);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HamtFind)->ArgName("size")->Arg(10)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace eta
