// Operations called from the language and the same from C++: the difference is what a call costs.
// C++ runs with libtorch's own allocator, the language with the counting one and its collector.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "bench/own_allocator.h"
#include "bench/procedure.h"
#include "torch/bindings.h"
#include "torch/extension.h"
#include "torch/tensor_object.h"

namespace eta::tensor {
namespace {

// A VM with the tensor operations, on one thread.
class TensorVm {
 public:
  TensorVm() : vm_({}) {
    vm_.Attach(kTensorSettings,
               std::make_shared<TensorSettings>(TensorSettings{.threads = 1, .dtype = "float32"}));
    InstallTensors(vm_);
  }
  Vm& vm() { return vm_; }

 private:
  Vm vm_;
};

// An operation that the language calls on tensors that C++ knows as well.
struct Operation {
  std::string definitions;  // of the operands
  std::string call;         // of the operation
  // The same; operands are what the definitions' (operands) lists.
  Tensor (*cpp)(const std::vector<Tensor>& operands);
};

std::vector<Tensor> Operands(Vm& vm, const Operation& operation) {
  Procedure list(vm, operation.definitions + "(lambda (unused) operands)");
  std::vector<Tensor> operands;
  for (Value v = list.Call(Value::Nil()); IsPair(v); v = Cdr(v)) {
    operands.push_back(*TensorIn(Car(v)));
  }
  return operands;
}

void RunEta(benchmark::State& state, const Operation& operation) {
  constexpr int kCalls = 100;
  TensorVm tensors;
  Vm& vm = tensors.vm();
  const std::vector<Tensor> operands = Operands(vm, operation);
  Procedure once(vm, "(lambda (unused) " + operation.call + ")");
  ETA_CHECK(at::equal(*TensorIn(once.Call(Value::Nil())), operation.cpp(operands)));
  Procedure loop(vm, "(lambda (n) (do ((i 0 (+ i 1))) ((= i n)) " + operation.call + "))");
  while (state.KeepRunningBatch(kCalls)) loop.Call(Value::Int(kCalls));
  state.SetItemsProcessed(state.iterations());
}

void RunCpp(benchmark::State& state, const Operation& operation) {
  TensorVm tensors;
  const std::vector<Tensor> operands = Operands(tensors.vm(), operation);
  OwnAllocator own_allocator;
  for (auto _ : state) benchmark::DoNotOptimize(operation.cpp(operands));
  state.SetItemsProcessed(state.iterations());
}

Operation Add(const benchmark::State& state) {
  const std::string size = std::to_string(state.range(0));
  const std::string tracked = state.range(1) != 0 ? "#t" : "#f";
  return {"(define a (torch/randn '(" + size +
              ")))"
              "(define b (torch/randn '(" +
              size +
              ")))"
              "(torch/requires-grad! a " +
              tracked +
              ")"
              "(define operands (list a b))",
          "(torch/add a b)",
          [](const std::vector<Tensor>& operands) { return at::add(operands[0], operands[1]); }};
}
void BM_Add_Cpp(benchmark::State& state) { RunCpp(state, Add(state)); }
void BM_Add_Eta(benchmark::State& state) { RunEta(state, Add(state)); }

void AddSizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"elements", "grad"})->ArgsProduct({{4, 4096}, {0, 1}});
}
BENCHMARK(BM_Add_Cpp)->Apply(AddSizes);
BENCHMARK(BM_Add_Eta)->Apply(AddSizes);

Operation Linear(const benchmark::State& state) {
  const std::string rows = std::to_string(state.range(0)), width = std::to_string(state.range(1));
  return {"(define layer (nn/linear " + width + " " + width +
              "))"
              "(define x (torch/randn '(" +
              rows + " " + width +
              ")))"
              "(define operands (cons x (nn/parameters layer)))",
          "(nn/forward layer x)", [](const std::vector<Tensor>& operands) {
            return at::linear(operands[0], operands[1], operands[2]);
          }};
}
void BM_Linear_Cpp(benchmark::State& state) { RunCpp(state, Linear(state)); }
void BM_Linear_Eta(benchmark::State& state) { RunEta(state, Linear(state)); }

void LinearSizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "width"})->Args({1, 16})->Args({32, 64})->Args({64, 1024});
}
BENCHMARK(BM_Linear_Cpp)->Apply(LinearSizes);
BENCHMARK(BM_Linear_Eta)->Apply(LinearSizes);

}  // namespace
}  // namespace eta::tensor
