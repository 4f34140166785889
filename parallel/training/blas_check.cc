#include "parallel/training/blas_check.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

namespace eta::parallel {
namespace {

// Whole numbers, small enough that all sums are exact whatever their order.
at::Tensor Factor(int64_t rows, int64_t columns) {
  const auto options = at::TensorOptions().dtype(at::kDouble).device(at::kCPU);
  return at::arange(rows * columns, options).remainder(17).sub(8).view({rows, columns});
}

}  // namespace

int CountWrongProducts(int products) {
  const c10::InferenceMode plain;
  const at::Tensor left = Factor(32, 64), right = Factor(64, 64);
  // Without the library that is being checked.
  const at::Tensor expected = left.unsqueeze(2).mul(right.unsqueeze(0)).sum(1);
  at::Tensor product = at::empty_like(expected);
  int wrong = 0;
  for (int i = 0; i < products; ++i) {
    at::mm_out(product, left, right);
    if (!at::equal(product, expected)) ++wrong;
  }
  return wrong;
}

}  // namespace eta::parallel
