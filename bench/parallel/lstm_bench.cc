// Training steps of an LSTM over 50 times, eager and captured; to compare, run them with
// --benchmark_enable_random_interleaving --benchmark_repetitions=9. One thread, inputs as wide as
// the layer or of 32 features.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/procedure.h"
#include "torch/bindings.h"
#include "torch/extension.h"

namespace eta::tensor {
namespace {

class TrainingVm {
 public:
  explicit TrainingVm(bool capture) : vm_({}) {
    vm_.Attach(kTensorSettings, std::make_shared<TensorSettings>(TensorSettings{
                                    .threads = 1, .capture = capture, .dtype = "float32"}));
    InstallTensors(vm_);
  }
  Vm& vm() { return vm_; }

 private:
  Vm vm_;
};

// A procedure that takes as many steps as it is told and gives the number of those replayed so far.
std::string Program(const benchmark::State& state) {
  const std::string units = std::to_string(state.range(0)), rows = std::to_string(state.range(1));
  const std::string inputs = std::to_string(state.range(2));
  return "(import std.core std.nn std.collections)"
         "(define model (nn/sequential (lstm " +
         inputs + " " + units + ") (nn/linear " + units +
         " 10)))"
         "(define optimizer (optim/sgd model 0.01 'momentum 0.9))"
         "(define x (torch/randn '(" +
         rows + " 50 " + inputs +
         ")))"
         "(define y (torch/randn '(" +
         rows +
         " 50 10)))"
         "(lambda (n)"
         "  (do ((i 0 (+ i 1))) ((= i n)) (optim/train-step! model optimizer nn/mse-loss x y))"
         "  (apply + (map (lambda (line) (list-ref line 4)) (optim/capture-status optimizer))))";
}

void RunSteps(benchmark::State& state, bool capture) {
  TrainingVm training(capture);
  Procedure steps(training.vm(), Program(state));
  steps.Check(Value::Int(6), capture ? "4" : "0");
  for (auto _ : state) steps.Call(Value::Int(1));
  state.SetItemsProcessed(state.iterations());
}

void BM_Lstm_Eager(benchmark::State& state) { RunSteps(state, /*capture=*/false); }
void BM_Lstm_Captured(benchmark::State& state) { RunSteps(state, /*capture=*/true); }

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"units", "rows", "inputs"})->Unit(benchmark::kMicrosecond);
  benchmark->Args({32, 32, 32})->Args({32, 64, 32});
  benchmark->Args({128, 32, 32})->Args({128, 64, 32})->Args({128, 64, 128});
}
BENCHMARK(BM_Lstm_Eager)->Apply(Sizes);
BENCHMARK(BM_Lstm_Captured)->Apply(Sizes);

}  // namespace
}  // namespace eta::tensor
