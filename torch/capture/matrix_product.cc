#include "torch/capture/matrix_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/empty_strided.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "torch/capture/blas.h"
#include "torch/capture/loops.h"

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

struct Factors {
  Tensor a, b;
  Layout a_layout, b_layout;
  ProductSize size;

  template <class T>
  void Multiply(T beta, T* out) const {
    eta::tensor::Multiply({a.const_data_ptr<T>(), a_layout.form, a_layout.step},
                          {b.const_data_ptr<T>(), b_layout.form, b_layout.step}, beta, out, size);
  }
};

std::optional<Factors> FactorsOf(const Tensor& a, const Tensor& b) {
  if (a.dim() != 2 || b.dim() != 2 || a.size(1) != b.size(0) ||
      a.scalar_type() != b.scalar_type() || a.numel() >= INT_MAX || b.numel() >= INT_MAX) {
    return std::nullopt;
  }
  const auto a_layout = LayoutOf(a), b_layout = LayoutOf(b);
  if (!a_layout || !b_layout) return std::nullopt;
  return Factors{
      a,
      b,
      *a_layout,
      *b_layout,
      {static_cast<int>(a.size(0)), static_cast<int>(b.size(1)), static_cast<int>(a.size(1))}};
}

// One with the same sizes and strides.
Tensor Like(const Tensor& tensor, at::ScalarType dtype) {
  return at::empty_strided(tensor.sizes(), tensor.strides(), dtype);
}

// Numbers whose products and sums are rounded.
template <class T>
void FillWithNoise(const Tensor& tensor) {
  T* const numbers = tensor.mutable_data_ptr<T>();
  const auto count = static_cast<int64_t>(tensor.storage().nbytes() / sizeof(T));
  for (int64_t i = 0; i < count; ++i) {
    numbers[i] = static_cast<T>((i * 7919) % 1009) / T{1009} - T{0.5};
  }
}

// The BLAS adds up more products than this in parts.
constexpr int kMostInOnePart = 384;

// Whether the BLAS has each sum of products before it adds that to what is there, so that it rounds
// as if this were done later. That depends on sizes, layouts and the processor: it is tried.
template <class T>
bool AddsLast(const Factors& factors) {
  if (factors.size.inner > kMostInOnePart) return false;
  constexpr at::ScalarType dtype = c10::CppTypeToScalarType<T>::value;
  const Factors trial{Like(factors.a, dtype), Like(factors.b, dtype), factors.a_layout,
                      factors.b_layout, factors.size};
  const Tensor at_once = at::empty({factors.size.rows, factors.size.columns}, dtype);
  const Tensor later = at::empty_like(at_once), product = at::empty_like(at_once);
  for (const Tensor& tensor : {trial.a, trial.b, at_once, later}) FillWithNoise<T>(tensor);
  trial.Multiply(T{1}, at_once.mutable_data_ptr<T>());
  trial.Multiply(T{0}, product.mutable_data_ptr<T>());
  AddTo(later.mutable_data_ptr<T>(), product.const_data_ptr<T>(), later.numel());
  return std::memcmp(at_once.const_data_ptr(), later.const_data_ptr(), later.nbytes()) == 0;
}

bool AddsLast(const Factors& factors) {
  if (factors.a.scalar_type() == at::kFloat) return AddsLast<float>(factors);
  return factors.a.scalar_type() == at::kDouble && AddsLast<double>(factors);
}

template <class T>
struct Product {
  ProductUse use;
  Factors factors;
  Tensor bias, out;
  bool adds_last;

  void operator()() const {
    T* const to = out.mutable_data_ptr<T>();
    if (use == ProductUse::kResult) return factors.Multiply(T{0}, to);
    if (use == ProductUse::kAddedTo) return factors.Multiply(T{1}, to);
    adds_last ? AddBiasLast(to) : AddToBias(to);
  }
  void AddBiasLast(T* to) const {
    factors.Multiply(T{0}, to);
    const T* const row = bias.const_data_ptr<T>();
    if (use == ProductUse::kBiasedRelu) {
      AddRowRelu(row, to, factors.size.rows, factors.size.columns);
    } else {
      AddRow(row, to, factors.size.rows, factors.size.columns);
    }
  }
  void AddToBias(T* to) const {
    const T* const row = bias.const_data_ptr<T>();
    const int64_t columns = factors.size.columns;
    for (int64_t i = 0; i < factors.size.rows; ++i) std::copy_n(row, columns, to + i * columns);
    factors.Multiply(T{1}, to);
    if (use == ProductUse::kBiasedRelu) Relu(to, to, out.numel());
  }
};

bool Holds(const Tensor& out, const Factors& factors) {
  return out.dim() == 2 && out.size(0) == factors.size.rows &&
         out.size(1) == factors.size.columns && out.is_contiguous() && out.numel() < INT_MAX &&
         out.scalar_type() == factors.a.scalar_type();
}

bool IsRowFor(const Tensor& bias, const Tensor& out) {
  return bias.dim() == 1 && bias.size(0) == out.size(1) && bias.is_contiguous() &&
         bias.scalar_type() == out.scalar_type();
}

// As it lies, without its memory.
Tensor FormOf(const Trace& trace, const TraceArgument& argument) {
  const TraceTensor& traced = trace.tensors[argument.tensors.at(0)];
  Tensor form = at::empty({0}, traced.dtype);
  form.unsafeGetTensorImpl()->set_sizes_and_strides(traced.sizes, traced.strides);
  return form;
}

bool IsOne(const TraceArgument& argument) { return argument.value.toScalar().equal(1); }

c10::OperatorHandle Operation(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
}

}  // namespace

DirectCall FindProduct(ProductUse use, const Tensor& a, const Tensor& b, const Tensor& bias,
                       const Tensor& out) {
  const auto factors = FactorsOf(a, b);
  if (!factors || !Holds(out, *factors)) return {};
  if (bias.defined() && !IsRowFor(bias, out)) return {};
  const bool adds_last = bias.defined() && AddsLast(*factors);
  if (out.scalar_type() == at::kFloat) {
    return Product<float>{use, *factors, bias, out, adds_last};
  }
  if (out.scalar_type() == at::kDouble) {
    return Product<double>{use, *factors, bias, out, adds_last};
  }
  return {};
}

std::optional<TraceOp> FuseBiasedRelu(const Trace& trace, const TraceOp& addmm,
                                      const TraceOp& relu) {
  if (!IsOne(addmm.arguments[3]) || !IsOne(addmm.arguments[4])) return std::nullopt;
  const auto factors =
      FactorsOf(FormOf(trace, addmm.arguments[1]), FormOf(trace, addmm.arguments[2]));
  if (!factors || !AddsLast(*factors)) return std::nullopt;
  TraceOp fused{.op = Operation("aten::_addmm_activation"),
                .arguments = addmm.arguments,
                .results = relu.results,
                .caller = addmm.caller};
  fused.arguments.push_back({.value = false});  // no GELU
  return fused;
}

std::optional<TraceOp> FuseAddedProduct(const Trace& trace, const TraceOp& mm, const TraceOp& add) {
  const TraceArgument &sum = add.arguments[0], &a = mm.arguments[0], &b = mm.arguments[1];
  const auto region = [&](const TraceArgument& of) { return trace.tensors[of.tensors[0]].region; };
  const auto factors = FactorsOf(FormOf(trace, a), FormOf(trace, b));
  if (!IsOne(add.arguments[2]) || !factors || !Holds(FormOf(trace, sum), *factors) ||
      region(sum) == region(a) || region(sum) == region(b) || !AddsLast(*factors)) {
    return std::nullopt;
  }
  const TraceArgument one{.value = at::Scalar(1)};
  return TraceOp{.op = Operation("aten::addmm_"),
                 .arguments = {sum, a, b, one, one},
                 .results = add.results,
                 .writes = true,
                 .caller = add.caller};
}

}  // namespace eta::tensor
