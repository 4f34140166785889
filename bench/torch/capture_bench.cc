// Kernels of captured steps, and libtorch's kernels that each takes the place of. One thread,
// float32.
#include <ATen/Parallel.h>
#include <ATen/ops/_log_softmax_cpu_dispatch.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include "torch/capture/log_softmax.h"

namespace eta::tensor {
namespace {

using at::Tensor;

struct OneThread {
  OneThread() { at::set_num_threads(1); }
};
const OneThread one_thread;

Tensor Matrix(const benchmark::State& state) { return at::randn({state.range(0), state.range(1)}); }

void BM_LogSoftmax_Libtorch(benchmark::State& state) {
  const Tensor x = Matrix(state);
  Tensor y = at::empty_like(x);
  for (auto _ : state) at::cpu::_log_softmax_outf(x, 1, /*half_to_float=*/false, y);
}
void BM_LogSoftmax_Ours(benchmark::State& state) {
  const Tensor x = Matrix(state), y = at::empty_like(x);
  const auto kernel = FindLogSoftmax<float>();
  if (kernel == nullptr) return state.SkipWithError("there is none for this processor");
  for (auto _ : state) {
    kernel(x.const_data_ptr<float>(), y.mutable_data_ptr<float>(), x.size(0), x.size(1));
  }
}

void Classes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "classes"})->ArgsProduct({{32, 64}, {2, 10, 100, 1000}});
}
BENCHMARK(BM_LogSoftmax_Libtorch)->Apply(Classes);
BENCHMARK(BM_LogSoftmax_Ours)->Apply(Classes);

}  // namespace
}  // namespace eta::tensor
