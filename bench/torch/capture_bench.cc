// Kernels of captured steps, and libtorch's kernels that each takes the place of. One thread,
// float32.
#include <ATen/Parallel.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/_log_softmax_backward_data_cpu_dispatch.h>
#include <ATen/ops/_log_softmax_cpu_dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/nll_loss_backward_cpu_dispatch.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum_cpu_dispatch.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>

#include <algorithm>

#include "torch/capture/blas.h"
#include "torch/capture/column_sum.h"
#include "torch/capture/log_softmax.h"
#include "torch/capture/loops.h"
#include "torch/capture/matrix_product.h"

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

// The mean's.
void BM_CrossEntropyBackward_Libtorch(benchmark::State& state) {
  const Tensor y = Matrix(state).log_softmax(1), seed = at::ones({});
  const Tensor target = at::randint(0, y.size(1), {y.size(0)}, at::kLong);
  const Tensor total = at::full({}, static_cast<float>(y.size(0)));
  Tensor gradient = at::empty_like(y), out = at::empty_like(y);
  for (auto _ : state) {
    at::cpu::nll_loss_backward_outf(seed, y, target, {}, at::Reduction::Mean, -100, total,
                                    gradient);
    at::cpu::_log_softmax_backward_data_outf(gradient, y, 1, at::kFloat, out);
  }
}
void BM_CrossEntropyBackward_Fused(benchmark::State& state) {
  const Tensor y = Matrix(state).log_softmax(1), out = at::empty_like(y);
  const Tensor target = at::randint(0, y.size(1), {y.size(0)}, at::kLong);
  const float number = -1.0f / static_cast<float>(y.size(0));
  const RowGradients<float> gradient{target.const_data_ptr<int64_t>(), -100, &number, 0, 1};
  const auto kernel = FindLogSoftmaxBackward<float>();
  if (kernel == nullptr) return state.SkipWithError("there is none for this processor");
  for (auto _ : state) {
    kernel(gradient, y.const_data_ptr<float>(), out.mutable_data_ptr<float>(), y.size(0),
           y.size(1));
  }
}
BENCHMARK(BM_CrossEntropyBackward_Libtorch)->Apply(Classes);
BENCHMARK(BM_CrossEntropyBackward_Fused)->Apply(Classes);

void BM_ColumnSum_Libtorch(benchmark::State& state) {
  const Tensor x = Matrix(state);
  Tensor sum = at::empty({x.size(1)});
  for (auto _ : state) at::cpu::sum_outf(x, at::IntArrayRef{0}, false, std::nullopt, sum);
}
void BM_ColumnSum_Ours(benchmark::State& state) {
  const Tensor x = Matrix(state), sum = at::empty({x.size(1)});
  for (auto _ : state) {
    SumColumns(x.const_data_ptr<float>(), x.size(0), x.size(1), sum.mutable_data_ptr<float>());
  }
}

void Widths(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "columns"})->ArgsProduct({{32, 64}, {10, 64, 256}});
}
BENCHMARK(BM_ColumnSum_Libtorch)->Apply(Widths);
BENCHMARK(BM_ColumnSum_Ours)->Apply(Widths);

// As they lie in a linear layer and its gradient.
void BM_LinearRelu_Apart(benchmark::State& state) {
  const Tensor x = Matrix(state), weight = at::randn({state.range(2), state.range(1)});
  const Tensor bias = at::randn({weight.size(0)}), y = at::empty({x.size(0), weight.size(0)});
  float* const to = y.mutable_data_ptr<float>();
  const int rows = static_cast<int>(x.size(0)), in = static_cast<int>(x.size(1)),
            out = static_cast<int>(weight.size(0));
  for (auto _ : state) {
    for (int i = 0; i < rows; ++i) std::copy_n(bias.const_data_ptr<float>(), out, to + i * out);
    Multiply({x.const_data_ptr<float>(), 'n', in}, {weight.const_data_ptr<float>(), 't', in}, 1, to,
             {rows, out, in});
    Relu(to, to, y.numel());
  }
}
void BM_LinearRelu_Fused(benchmark::State& state) {
  const Tensor x = Matrix(state), weight = at::randn({state.range(2), state.range(1)});
  const Tensor bias = at::randn({weight.size(0)}), y = at::empty({x.size(0), weight.size(0)});
  const DirectCall call = FindProduct(ProductUse::kBiasedRelu, x, weight.t(), bias, y);
  for (auto _ : state) call();
}
void BM_WeightGradient_Apart(benchmark::State& state) {
  const Tensor x = Matrix(state), gradient = at::randn({state.range(0), state.range(2)});
  const Tensor sum = at::zeros({gradient.size(1), x.size(1)}), product = at::empty_like(sum);
  const DirectCall call = FindProduct(ProductUse::kResult, gradient.t(), x, Tensor(), product);
  for (auto _ : state) {
    call();
    AddTo(sum.mutable_data_ptr<float>(), product.const_data_ptr<float>(), sum.numel());
  }
}
void BM_WeightGradient_Fused(benchmark::State& state) {
  const Tensor x = Matrix(state), gradient = at::randn({state.range(0), state.range(2)});
  const Tensor sum = at::zeros({gradient.size(1), x.size(1)});
  const DirectCall call = FindProduct(ProductUse::kAddedTo, gradient.t(), x, Tensor(), sum);
  for (auto _ : state) call();
}

void Layers(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "in", "out"})
      ->Args({32, 64, 64})
      ->Args({64, 64, 64})
      ->Args({32, 64, 10})
      ->Args({32, 64, 256})
      ->Args({32, 256, 256})
      ->Args({64, 64, 1024});
}
BENCHMARK(BM_LinearRelu_Apart)->Apply(Layers);
BENCHMARK(BM_LinearRelu_Fused)->Apply(Layers);
BENCHMARK(BM_WeightGradient_Apart)->Apply(Layers);
BENCHMARK(BM_WeightGradient_Fused)->Apply(Layers);

}  // namespace
}  // namespace eta::tensor
