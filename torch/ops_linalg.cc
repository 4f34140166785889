// Products, factorizations, and the normal distribution that needs one.
#include <ATen/ops/add.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_cross.h>
#include <ATen/ops/linalg_det.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/linalg_lstsq.h>
#include <ATen/ops/linalg_matrix_exp.h>
#include <ATen/ops/linalg_matrix_power.h>
#include <ATen/ops/linalg_pinv.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_slogdet.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/linalg_svd.h>
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
    Op<"torch/einsum">([](const std::string& equation,
                          const std::vector<Tensor>& xs) { return at::einsum(equation, xs); },
                       "(einsum equation tensors): the sum of products that a text names, as in "
                       "\"ij,jk->ik\""),
    Op<"torch/bmm">([](const Tensor& a, const Tensor& b) { return a.bmm(b); },
                    "(bmm a b): the matrix products of two batches"),
    Op<"torch/outer">([](const Tensor& a, const Tensor& b) { return a.outer(b); },
                      "(outer a b): the products of each two elements of two vectors"),
    Op<"torch/kron">([](const Tensor& a, const Tensor& b) { return a.kron(b); },
                     "(kron a b): the Kronecker product"),
    Op<"torch/cross">(
        [](const Tensor& a, const Tensor& b, std::optional<Axis> axis) {
          return at::linalg_cross(a, b, axis ? axis->value : -1);
        },
        "(cross a b [axis]): the vector product along an axis of size 3, the last one"),
    Op<"torch/solve">([](const Tensor& a, const Tensor& b) { return at::linalg_solve(a, b); },
                      "(solve a b): the x with a x = b"),
    Op<"torch/solve-triangular">(
        [](const Tensor& a, const Tensor& b, bool upper) {
          return at::linalg_solve_triangular(a, b, upper);
        },
        "(solve-triangular a b upper): the x with a x = b for a triangular a"),
    Op<"torch/cholesky-solve">(
        [](const Tensor& b, const Tensor& factor) { return at::cholesky_solve(b, factor); },
        "(cholesky-solve b factor): the x with L L^T x = b"),
    Op<"torch/inverse">([](const Tensor& x) { return at::linalg_inv(x); },
                        "(inverse x): the inverse of a matrix"),
    Op<"torch/pinv">([](const Tensor& x) { return at::linalg_pinv(x); },
                     "(pinv x): the pseudo-inverse of a matrix"),
    Op<"torch/matrix-power">(
        [](const Tensor& x, int64_t n) { return at::linalg_matrix_power(x, n); },
        "(matrix-power x n): the product of n copies of a matrix"),
    Op<"torch/det">([](const Tensor& x) { return at::linalg_det(x); }, "(det x): the determinant"),
    Op<"torch/slogdet">([](const Tensor& x) { return at::linalg_slogdet(x); },
                        "(slogdet x): (sign logarithm), of the determinant"),
    Op<"torch/svd">([](const Tensor& x) { return at::linalg_svd(x, /*full_matrices=*/false); },
                    "(svd x): (U S Vh), where x = U diag(S) Vh"),
    Op<"torch/eigh">([](const Tensor& x) { return at::linalg_eigh(x); },
                     "(eigh x): (values vectors), of a symmetric matrix"),
    Op<"torch/qr">([](const Tensor& x) { return at::linalg_qr(x); },
                   "(qr x): (Q R), where x = Q R with Q orthogonal and R upper triangular"),
    Op<"torch/lstsq">(
        [](const Tensor& a, const Tensor& b) { return std::get<0>(at::linalg_lstsq(a, b)); },
        "(lstsq a b): the x with the least |a x - b|"),
    Op<"torch/trace">([](const Tensor& x) { return x.trace(); },
                      "(trace x): the sum of the diagonal"),
    Op<"torch/diag">(
        [](const Tensor& x, std::optional<int64_t> k) { return x.diag(k.value_or(0)); },
        "(diag x [k]): the k-th diagonal of a matrix, or the matrix with that diagonal"),
    Op<"torch/tril">(
        [](const Tensor& x, std::optional<int64_t> k) { return x.tril(k.value_or(0)); },
        "(tril x [k]): what is on or below the k-th diagonal, else 0"),
    Op<"torch/triu">(
        [](const Tensor& x, std::optional<int64_t> k) { return x.triu(k.value_or(0)); },
        "(triu x [k]): what is on or above the k-th diagonal, else 0"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
