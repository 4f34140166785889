// Products, factorizations, and the normal distribution that needs one.
#include <ATen/ops/add.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_matrix_exp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sum.h>

#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

// Throws unless `t` is a square matrix or a batch of them.
void CheckCovariance(const Tensor& t) {
  TORCH_CHECK(t.dim() >= 2, "expected a matrix or batch of matrices");
  TORCH_CHECK(t.size(-1) == t.size(-2), "covariance matrix must be square");
}

void CheckMeanAndCovariance(const Tensor& mean, const Tensor& covariance) {
  CheckCovariance(covariance);
  TORCH_CHECK(mean.dim() >= 1, "mean must be a vector or batch of vectors");
  TORCH_CHECK(mean.size(-1) == covariance.size(-1), "mean has ", mean.size(-1),
              " elements, the covariance matrix ", covariance.size(-1), " rows");
  TORCH_CHECK(covariance.dim() == mean.dim() + 1, "mean has rank ", mean.dim(),
              ", the covariance matrix rank ", covariance.dim());
  const auto mean_batch = mean.sizes().slice(0, mean.dim() - 1);
  const auto covariance_batch = covariance.sizes().slice(0, mean.dim() - 1);
  TORCH_CHECK(mean_batch == covariance_batch, "batch sizes differ: ", mean_batch, " and ",
              covariance_batch);
  TORCH_CHECK(mean.device() == covariance.device(), "arguments are on different devices");
  TORCH_CHECK(mean.dtype() == covariance.dtype(), "arguments have different dtypes");
  TORCH_CHECK(mean.is_floating_point(), "floating dtype required");
}

// mean + L e per sample, with L L^T = covariance and e standard normal.
Tensor Mvnormal(TensorContext& context, const Tensor& mean, const Tensor& covariance,
                std::optional<int64_t> count) {
  CheckMeanAndCovariance(mean, covariance);
  TORCH_CHECK(count.value_or(0) >= 0, "negative count ", *count);
  const Tensor factor = at::linalg_cholesky(covariance);
  std::vector<int64_t> sizes = mean.sizes().vec();
  if (count) sizes.insert(sizes.begin(), *count);
  const auto options = mean.options().requires_grad(std::nullopt);
  const Tensor noise = at::randn(sizes, context.generator(mean.device()), options);
  return at::add(mean, at::matmul(factor, noise.unsqueeze(-1)).squeeze(-1));
}

constexpr NativeDef kOps[] = {
    Op<"torch/matmul">([](const Tensor& a, const Tensor& b) { return at::matmul(a, b); },
                       "(matmul a b): the matrix product"),
    Op<"torch/dot">(
        [](const Tensor& a, const Tensor& b) { return at::dot(a.reshape(-1), b.reshape(-1)); },
        "(dot a b): the inner product of all elements"),
    Op<"torch/cholesky">(
        [](const Tensor& x) {
          CheckCovariance(x);
          return at::linalg_cholesky(x);
        },
        "(cholesky x): the lower Cholesky factor"),
    Op<"torch/matrix-exp">([](const Tensor& x) { return at::linalg_matrix_exp(x); },
                           "(matrix-exp x): the exponential of a square matrix"),
    Op<"torch/mvnormal">(
        [](Call& call, const Tensor& mean, const Tensor& covariance, std::optional<int64_t> count) {
          return Mvnormal(call.context(), mean, covariance, count);
        },
        "(mvnormal mean covariance [n]): a sample of that normal distribution, or n of them"),
    Op<"torch/column-l2-norm">(
        [](const Tensor& x, Axis axis) { return at::sqrt(at::sum(at::mul(x, x), axis.value)); },
        "(column-l2-norm x axis): the Euclidean norm along an axis"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
