// Training steps of multi-layer perceptrons, on one device and on replicas that share this
// machine: microseconds per step and rows per second over all ranks. Batch sizes are per rank. The
// same step written in C++ is beside them, on libtorch's own allocator; to compare, run both with
// --benchmark_enable_random_interleaving.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/own_allocator.h"
#include "bench/parallel/cpp_loop.h"
#include "parallel/core/world.h"
#include "parallel/isolate/rank_context.h"
#include "torch/bindings.h"
#include "torch/extension.h"
#include "vm/diagnostics.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

// Trains as many steps as (bench/next) says, again and again, until it says 0.
std::string Program(const Shape& shape) {
  const std::string width = std::to_string(shape.hidden), rows = std::to_string(shape.batch);
  std::string model = "(nn/linear 64 " + width + ") (nn/relu-layer)";
  for (int64_t i = 1; i < shape.layers; ++i) {
    model += " (nn/linear " + width + " " + width + ") (nn/relu-layer)";
  }
  model += " (nn/linear " + width + " 10)";
  return R"(
    (define model (nn/sequential )" +
         model + R"())
    (define optimizer (optim/sgd model 0.01 'momentum 0.9))
    (define x (torch/randn '()" +
         rows + R"( 64)))
    (define y (torch/argmax (torch/randn '()" +
         rows + R"( 10)) 1))
    (define (train steps)
      (if (> steps 0)
          (begin (optim/train-step! model optimizer nn/cross-entropy-loss x y)
                 (train (- steps 1)))))
    (define (serve steps)
      (if (> steps 0)
          (begin (train steps)
                 (serve (bench/next)))))
    (serve (bench/next)))";
}

// Replicas on threads that train when they are told to.
class Replicas {
 public:
  Replicas(int ranks, const Shape& shape)
      : program_(Program(shape)), start_(ranks + 1), finish_(ranks + 1) {
    if (ranks > 1) {
      world_ = *World::Create({.devices = std::vector<Device>(static_cast<size_t>(ranks))});
    }
    for (int r = 0; r < ranks; ++r) threads_.emplace_back([=, this] { RunRank(r, ranks); });
    Train(50);  // warm up
  }
  ~Replicas() {
    steps_ = 0;
    start_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }

  // All ranks train `steps` steps; returns the seconds that this took.
  double Train(int steps) {
    steps_ = steps;
    const auto begin = std::chrono::steady_clock::now();
    start_.arrive_and_wait();
    finish_.arrive_and_wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

 private:
  static constexpr const char* kKey = "bench.replicas";

  // (bench/next): the steps asked for are done; waits until more are, and returns how many.
  static Value Next(Vm& vm, Args) {
    auto& seat = *vm.Attachment<Seat>(kKey);
    if (std::exchange(seat.trained, true)) seat.replicas->finish_.arrive_and_wait();
    seat.replicas->start_.arrive_and_wait();
    return Value::Int(seat.replicas->steps_);
  }
  static constexpr NativeDef kNatives[] = {{"bench/next", Next, 0, 0, "(bench/next)"}};

  struct Seat {
    Replicas* replicas;
    bool trained = false;
  };

  void RunRank(int rank, int ranks) {
    std::unique_ptr<Member> member;
    if (world_) member = std::move(*World::Join(world_, rank));
    {
      Vm vm({});
      vm.Attach(kKey, std::make_shared<Seat>(Seat{this}));
      vm.Attach(tensor::kTensorSettings,
                std::make_shared<tensor::TensorSettings>(tensor::TensorSettings{
                    .rank = rank, .world_size = ranks, .threads = 1, .dtype = "float32"}));
      if (member) {
        vm.Attach(RankContext::kKey,
                  std::shared_ptr<RankContext>(new RankContext{*member, LaunchOptions{}}));
      }
      tensor::InstallTensors(vm);
      vm.DefineNatives(kNatives);
      const std::string seed = "(torch/manual-seed " + std::to_string(rank) + ")";
      if (!vm.RunText(seed + program_, "bench.eta")) {
        std::fputs(RenderFailure(vm, {}).c_str(), stderr);
        std::_Exit(1);
      }
    }
    if (member) member->Return();
  }

  const std::string program_;
  std::shared_ptr<World> world_;
  std::barrier<> start_, finish_;
  std::atomic<int> steps_{0};
  std::vector<std::thread> threads_;
};

// `train` does that many steps and returns the seconds that they took.
template <class Train>
void Measure(benchmark::State& state, const Train& train) {
  constexpr int kSteps = 5;
  double best = 1e9;  // the time that other programs disturbed least
  for (auto _ : state) {
    const double seconds = train(kSteps) / kSteps;
    best = std::min(best, seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["best_us"] = best * 1e6;
}

void TrainStep(benchmark::State& state) {
  const Shape shape{state.range(0), state.range(1), state.range(2)};
  const int ranks = static_cast<int>(state.range(3));
  Replicas replicas(ranks, shape);
  Measure(state, [&](int steps) { return replicas.Train(steps); });
  state.counters["rows/s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * shape.batch * ranks), benchmark::Counter::kIsRate);
}

void CppTrainStep(benchmark::State& state) {
  const OwnAllocator own;
  at::set_num_threads(1);
  CppLoop loop({state.range(0), state.range(1), state.range(2)});
  Measure(state, [&](int steps) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) benchmark::DoNotOptimize(loop.Step());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  });
}

BENCHMARK(CppTrainStep)
    ->ArgNames({"layers", "hidden", "batch"})
    ->Args({4, 64, 32})
    ->Args({16, 64, 32})
    ->Args({4, 256, 32})
    ->Args({2, 1024, 64})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(TrainStep)
    ->ArgNames({"layers", "hidden", "batch", "ranks"})
    ->ArgsProduct({{4}, {64}, {32}, {1, 2}})
    ->ArgsProduct({{16}, {64}, {32}, {1, 2}})
    ->ArgsProduct({{4}, {256}, {32}, {1, 2}})
    ->ArgsProduct({{2}, {1024}, {64}, {1, 2}})
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace eta::parallel
