#include "torch/capture/matrix_product.h"

#include <climits>
#include <cstring>
#include <optional>

#include "torch/capture/blas.h"

namespace eta::tensor {
namespace {

// How a matrix lies: by rows, which the BLAS takes for the columns of its transpose, or by columns.
struct Layout {
  char form;  // 'n' by rows, 't' by columns
  int step;   // elements from one row or column to the next
};

std::optional<Layout> LayoutOf(const Tensor& matrix) {
  const auto rows = matrix.size(0), columns = matrix.size(1);
  const auto down = matrix.stride(0), right = matrix.stride(1);
  // Where a size is 1, libtorch has rules of its own.
  if (rows < 2 || columns < 2 || down > INT_MAX || right > INT_MAX) return std::nullopt;
  if (right == 1 && down >= columns) return Layout{'n', static_cast<int>(down)};
  if (down == 1 && right >= rows) return Layout{'t', static_cast<int>(right)};
  return std::nullopt;
}

template <class T>
struct Product {
  Tensor a, b, bias, out;
  Layout a_layout, b_layout;
  int rows, columns, inner;

  void operator()() const {
    T* const to = out.mutable_data_ptr<T>();
    if (bias.defined()) {
      const T* const row = bias.const_data_ptr<T>();
      const size_t bytes = static_cast<size_t>(columns) * sizeof(T);
      for (int64_t i = 0; i < rows; ++i) std::memcpy(to + i * columns, row, bytes);
    }
    Multiply({a.const_data_ptr<T>(), a_layout.form, a_layout.step},
             {b.const_data_ptr<T>(), b_layout.form, b_layout.step}, T(bias.defined() ? 1 : 0), to,
             {rows, columns, inner});
  }
};

bool AreMatrices(const Tensor& a, const Tensor& b, const Tensor& out) {
  return a.dim() == 2 && b.dim() == 2 && out.dim() == 2 && a.size(1) == b.size(0) &&
         out.size(0) == a.size(0) && out.size(1) == b.size(1) && out.is_contiguous() &&
         a.scalar_type() == b.scalar_type() && a.scalar_type() == out.scalar_type() &&
         a.numel() < INT_MAX && b.numel() < INT_MAX && out.numel() < INT_MAX;
}

bool IsRowFor(const Tensor& bias, const Tensor& out) {
  return bias.dim() == 1 && bias.size(0) == out.size(1) && bias.is_contiguous() &&
         bias.scalar_type() == out.scalar_type();
}

}  // namespace

DirectCall FindProduct(const Tensor& a, const Tensor& b, const Tensor& bias, const Tensor& out) {
  if (!AreMatrices(a, b, out) || (bias.defined() && !IsRowFor(bias, out))) return {};
  const auto a_layout = LayoutOf(a), b_layout = LayoutOf(b), out_layout = LayoutOf(out);
  if (!a_layout || !b_layout || !out_layout) return {};
  const int rows = static_cast<int>(out.size(0)), columns = static_cast<int>(out.size(1));
  const int inner = static_cast<int>(a.size(1));
  if (out.scalar_type() == at::kFloat) {
    return Product<float>{a, b, bias, out, *a_layout, *b_layout, rows, columns, inner};
  }
  if (out.scalar_type() == at::kDouble) {
    return Product<double>{a, b, bias, out, *a_layout, *b_layout, rows, columns, inner};
  }
  return {};
}

}  // namespace eta::tensor
