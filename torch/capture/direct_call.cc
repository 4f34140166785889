#include "torch/capture/direct_call.h"

#include <ATen/core/Reduction.h>
#include <ATen/ops/_log_softmax_backward_data_cpu_dispatch.h>
#include <ATen/ops/_log_softmax_cpu_dispatch.h>
#include <ATen/ops/clamp_min_cpu_dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mse_loss_cpu_dispatch.h>
#include <ATen/ops/nll_loss_backward_cpu_dispatch.h>
#include <ATen/ops/nll_loss_forward_cpu_dispatch.h>
#include <ATen/ops/sum_cpu_dispatch.h>
#include <ATen/ops/threshold_backward_cpu_dispatch.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "torch/capture/column_sum.h"
#include "torch/capture/cross_entropy.h"
#include "torch/capture/log_softmax.h"
#include "torch/capture/loops.h"
#include "torch/capture/lstm_call.h"
#include "torch/capture/matrix_product.h"

namespace eta::tensor {
namespace {

using Arguments = torch::jit::Stack;

// Whether they lie alike in memory, without gaps, as numbers that our loops know.
bool IsLoop(std::initializer_list<Tensor> tensors) {
  const Tensor& first = *tensors.begin();
  if (first.scalar_type() != at::kFloat && first.scalar_type() != at::kDouble) return false;
  for (const Tensor& tensor : tensors) {
    if (!tensor.is_contiguous() || tensor.sizes() != first.sizes() ||
        tensor.scalar_type() != first.scalar_type()) {
      return false;
    }
  }
  return true;
}

// Calls `f` with a null pointer of the numbers' type.
template <class F>
DirectCall ForType(const Tensor& tensor, const F& f) {
  return tensor.scalar_type() == at::kFloat ? f(static_cast<float*>(nullptr))
                                            : f(static_cast<double*>(nullptr));
}

DirectCall AddInPlace(const CallSite& site) {
  const Tensor sum = site.arguments[0].toTensor(), addend = site.arguments[1].toTensor();
  if (!IsLoop({sum, addend}) || !site.arguments[2].toScalar().equal(1) ||
      sum.storage().is_alias_of(addend.storage())) {
    return {};
  }
  return ForType(sum, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return [sum, addend, count = sum.numel()] {
      AddTo(sum.mutable_data_ptr<T>(), addend.const_data_ptr<T>(), count);
    };
  });
}

DirectCall AddZeroInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), y = site.arguments[3].toTensor();
  if (!IsLoop({x, y}) || !site.arguments[1].toScalar().equal(0)) return {};
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return [x, y, count = x.numel()] {
      AddZero(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), count);
    };
  });
}

DirectCall ReluInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), y = site.results[0];
  if (!IsLoop({x, y})) {
    return [x, y = y]() mutable { at::cpu::clamp_min_outf(x, 0, y); };
  }
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return
        [x, y, count = x.numel()] { Relu(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), count); };
  });
}

DirectCall ReluBackwardInto(const CallSite& site) {
  const Tensor gradient = site.arguments[0].toTensor(), x = site.arguments[1].toTensor();
  const Tensor out = site.results[0];
  const at::Scalar threshold = site.arguments[2].toScalar();
  if (!IsLoop({gradient, x, out}) || !threshold.equal(0)) {
    return
        [=, out = out]() mutable { at::cpu::threshold_backward_outf(gradient, x, threshold, out); };
  }
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return [gradient, x, out, count = x.numel()] {
      ReluBackward(gradient.const_data_ptr<T>(), x.const_data_ptr<T>(), out.mutable_data_ptr<T>(),
                   count);
    };
  });
}

// A sum, over one axis, of all of a contiguous tensor: libtorch's for a result of one axis is the
// same, and makes no view of it.
void SumAll(const Tensor& flat, Tensor& sum) {
  at::cpu::sum_outf(flat, at::IntArrayRef{0}, /*keepdim=*/true, std::nullopt, sum);
}

// As libtorch does it: the squares, their sum, a quotient.
DirectCall MseInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), y = site.arguments[1].toTensor();
  const Tensor loss = site.results[0];
  const int64_t reduction = site.arguments[2].toInt();
  if (!site.scratch.defined() || !IsLoop({x, y}) || loss.scalar_type() != x.scalar_type()) {
    return [=] { loss.copy_(at::cpu::mse_loss(x, y, reduction)); };
  }
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    const int64_t count = x.numel();
    const T divisor = reduction == at::Reduction::Mean ? static_cast<T>(count) : T{1};
    const Tensor squares = site.scratch.view(x.scalar_type());
    return [=, sum = at::empty({1}, x.options())]() mutable {
      SquaredDifferences(x.const_data_ptr<T>(), y.const_data_ptr<T>(),
                         squares.mutable_data_ptr<T>(), count);
      SumAll(squares, sum);
      *loss.mutable_data_ptr<T>() = *sum.const_data_ptr<T>() / divisor;
    };
  });
}

// What ATen's kernel for images does, if windows lie side by side.
DirectCall MaxPoolInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor();
  Tensor y = site.results[0], where = site.results[1];
  const auto size = site.arguments[1].toIntVector(), stride = site.arguments[2].toIntVector();
  const auto padding = site.arguments[3].toIntVector(), dilation = site.arguments[4].toIntVector();
  const auto all = [](const std::vector<int64_t>& list, int64_t value) {
    return std::all_of(list.begin(), list.end(), [=](int64_t v) { return v == value; });
  };
  const bool plain = all(size, 2) && all(stride, 2) && all(padding, 0) && all(dilation, 1) &&
                     !site.arguments[5].toBool() && x.dim() == 4 && x.is_contiguous() &&
                     y.is_contiguous() && where.is_contiguous();
  if (!plain || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) return {};
  const PooledImages images{x.size(0) * x.size(1), x.size(2), x.size(3)};
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return [=] {
      MaxPool2x2(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), where.mutable_data_ptr<int64_t>(),
                 images);
    };
  });
}

// Of all numbers.
DirectCall SumInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), sum = site.results[0];
  const auto dtype = site.arguments[1].toOptional<at::ScalarType>();
  if (x.scalar_type() == at::kBool && sum.scalar_type() == at::kLong && x.is_contiguous()) {
    return [x, sum, count = x.numel()] {
      *sum.mutable_data_ptr<int64_t>() = CountTrue(x.const_data_ptr<bool>(), count);
    };
  }
  return [=, sum = sum]() mutable {
    at::cpu::sum_outf(x, at::OptionalIntArrayRef(), /*keepdim=*/false, dtype, sum);
  };
}

// With more numbers what libtorch's kernel takes to start is not felt. From twice as many on it
// uses several threads, and may add in another order.
constexpr int64_t kMostInColumns = 16384;

// Whether it is what column_sum.h computes.
bool IsColumnSum(const CallSite& site, const Tensor& sum) {
  const Tensor x = site.arguments[0].toTensor();
  const auto axes = site.arguments[1].toOptional<std::vector<int64_t>>();
  const bool real = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble;
  return real && axes == std::vector<int64_t>{0} && x.dim() == 2 && x.size(1) > 1 &&
         x.is_contiguous() && sum.is_contiguous() && sum.scalar_type() == x.scalar_type() &&
         x.numel() <= kMostInColumns;
}

DirectCall ColumnSumInto(const Tensor& x, const Tensor& sum) {
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return
        [=] { SumColumns(x.const_data_ptr<T>(), x.size(0), x.size(1), sum.mutable_data_ptr<T>()); };
  });
}

// Over some axes.
DirectCall SumOver(const CallSite& site, const Tensor& sum) {
  if (IsColumnSum(site, sum)) return ColumnSumInto(site.arguments[0].toTensor(), sum);
  return [x = site.arguments[0].toTensor(), sum = sum,
          axes = site.arguments[1].toOptional<std::vector<int64_t>>(),
          keep = site.arguments[2].toBool(),
          dtype = site.arguments[3].toOptional<at::ScalarType>()]() mutable {
    at::OptionalIntArrayRef dims;
    if (axes) dims = at::IntArrayRef(*axes);
    at::cpu::sum_outf(x, dims, keep, dtype, sum);
  };
}

DirectCall SumOverInto(const CallSite& site) { return SumOver(site, site.results[0]); }

DirectCall SumOverOut(const CallSite& site) { return SumOver(site, site.arguments[4].toTensor()); }

DirectCall DiffersInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), y = site.results[0];
  const at::Scalar other = site.arguments[1].toScalar();
  if (x.scalar_type() != at::kLong || !other.isIntegral(/*includeBool=*/false) ||
      !x.is_contiguous() || !y.is_contiguous()) {
    return {};
  }
  return [x, y, other = other.toLong(), count = x.numel()] {
    Differs(x.const_data_ptr<int64_t>(), other, y.mutable_data_ptr<bool>(), count);
  };
}

DirectCall LogSoftmaxInto(const CallSite& site) {
  const Tensor x = site.arguments[0].toTensor(), y = site.results[0];
  const int64_t axis = site.arguments[1].toInt();
  if (!IsLoop({x, y}) || x.dim() != 2 || (axis != 1 && axis != -1) ||
      FindLogSoftmax<float>() == nullptr) {
    return [=, half = site.arguments[2].toBool(), y = y]() mutable {
      at::cpu::_log_softmax_outf(x, axis, half, y);
    };
  }
  return ForType(x, [&](auto* type) -> DirectCall {
    using T = std::remove_pointer_t<decltype(type)>;
    return [=, kernel = FindLogSoftmax<T>()] {
      kernel(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), x.size(0), x.size(1));
    };
  });
}

DirectCall LogSoftmaxBackwardInto(const CallSite& site) {
  return [gradient = site.arguments[0].toTensor(), y = site.arguments[1].toTensor(),
          axis = site.arguments[2].toInt(), dtype = site.arguments[3].toScalarType(),
          out = site.results[0]]() mutable {
    at::cpu::_log_softmax_backward_data_outf(gradient, y, axis, dtype, out);
  };
}

DirectCall NllInto(const CallSite& site) {
  return [x = site.arguments[0].toTensor(), target = site.arguments[1].toTensor(),
          weight = site.arguments[2].toOptional<Tensor>(), reduction = site.arguments[3].toInt(),
          ignored = site.arguments[4].toInt(), loss = site.results[0],
          total = site.results[1]]() mutable {
    at::cpu::nll_loss_forward_outf(x, target, weight, reduction, ignored, loss, total);
  };
}

DirectCall NllBackwardInto(const CallSite& site) {
  return [gradient = site.arguments[0].toTensor(), x = site.arguments[1].toTensor(),
          target = site.arguments[2].toTensor(), weight = site.arguments[3].toOptional<Tensor>(),
          reduction = site.arguments[4].toInt(), ignored = site.arguments[5].toInt(),
          total = site.arguments[6].toTensor(), out = site.results[0]]() mutable {
    at::cpu::nll_loss_backward_outf(gradient, x, target, weight, reduction, ignored, total, out);
  };
}

DirectCall ZerosInto(const CallSite& site) {
  const Tensor out = site.results[0];
  if (!out.is_contiguous()) return [out = out]() mutable { out.zero_(); };
  return [out] { std::memset(out.mutable_data_ptr(), 0, out.nbytes()); };
}

// Copies row by row: a sequence for each batch, say, to a batch for each time.
struct RowCopy {
  Tensor from, to;
  int64_t outer, middle, bytes;

  void operator()() const {
    const auto* const source = static_cast<const char*>(from.const_data_ptr());
    auto* target = static_cast<char*>(to.mutable_data_ptr());
    const auto size = static_cast<int64_t>(from.element_size());
    for (int64_t i = 0; i < outer; ++i) {
      for (int64_t j = 0; j < middle; ++j, target += bytes) {
        std::memcpy(target, source + (i * from.stride(0) + j * from.stride(1)) * size,
                    static_cast<size_t>(bytes));
      }
    }
  }
};

DirectCall CloneInto(const CallSite& site) {
  const Tensor from = site.arguments[0].toTensor(), to = site.results[0];
  if (from.dim() != 3 || from.stride(2) != 1 || !to.is_contiguous()) {
    return [from, to = to]() mutable { to.copy_(from); };
  }
  return RowCopy{from, to, from.size(0), from.size(1),
                 from.size(2) * static_cast<int64_t>(from.element_size())};
}

DirectCall ProductInto(const CallSite& site) {
  return FindProduct(ProductUse::kResult, site.arguments[0].toTensor(),
                     site.arguments[1].toTensor(), Tensor(), site.results[0]);
}

DirectCall ProductOut(const CallSite& site) {
  return FindProduct(ProductUse::kResult, site.arguments[0].toTensor(),
                     site.arguments[1].toTensor(), Tensor(), site.arguments[2].toTensor());
}

// Of aten::addmm and its like.
bool HasNoFactors(const CallSite& site) {
  return site.arguments[3].toScalar().equal(1) && site.arguments[4].toScalar().equal(1);
}

DirectCall BiasedProductInto(const CallSite& site) {
  if (!HasNoFactors(site)) return {};
  return FindProduct(ProductUse::kBiased, site.arguments[1].toTensor(),
                     site.arguments[2].toTensor(), site.arguments[0].toTensor(), site.results[0]);
}

DirectCall BiasedReluInto(const CallSite& site) {
  if (!HasNoFactors(site) || site.arguments[5].toBool()) return {};
  return FindProduct(ProductUse::kBiasedRelu, site.arguments[1].toTensor(),
                     site.arguments[2].toTensor(), site.arguments[0].toTensor(), site.results[0]);
}

DirectCall AddProduct(const CallSite& site) {
  const Tensor sum = site.arguments[0].toTensor(), a = site.arguments[1].toTensor(),
               b = site.arguments[2].toTensor();
  const bool apart =
      !sum.storage().is_alias_of(a.storage()) && !sum.storage().is_alias_of(b.storage());
  if (!HasNoFactors(site) || !apart) return {};
  return FindProduct(ProductUse::kAddedTo, a, b, Tensor(), sum);
}

using Finder = DirectCall (*)(const CallSite& site);

const std::unordered_map<std::string, Finder>& Finders() {
  static const auto* const finders = new std::unordered_map<std::string, Finder>{
      {"aten::add_.Tensor", AddInPlace},
      {"aten::add.Scalar_out", AddZeroInto},
      {"aten::zeros", ZerosInto},
      {"aten::clone", CloneInto},
      {"aten::relu", ReluInto},
      {"aten::threshold_backward", ReluBackwardInto},
      {"aten::sum", SumInto},
      {"aten::sum.dim_IntList", SumOverInto},
      {"aten::sum.IntList_out", SumOverOut},
      {"aten::ne.Scalar", DiffersInto},
      {"aten::mse_loss", MseInto},
      {"aten::max_pool2d_with_indices", MaxPoolInto},
      {"aten::_log_softmax", LogSoftmaxInto},
      {"aten::_log_softmax_backward_data", LogSoftmaxBackwardInto},
      {"aten::nll_loss_forward", NllInto},
      {"aten::nll_loss_backward", NllBackwardInto},
      {"eta::cross_entropy_backward", CrossEntropyBackwardInto},
      {"aten::mm", ProductInto},
      {"aten::mm.out", ProductOut},
      {"aten::addmm", BiasedProductInto},
      {"aten::addmm_", AddProduct},
      {"aten::_addmm_activation", BiasedReluInto},
      {"aten::mkldnn_rnn_layer", LstmInto},
      {"aten::mkldnn_rnn_layer_backward", LstmBackwardInto},
  };
  return *finders;
}

std::string FullName(const c10::OperatorHandle& op) {
  const auto& name = op.operator_name();
  return name.overload_name.empty() ? name.name : name.name + "." + name.overload_name;
}

}  // namespace

DirectCall FindDirectCall(const CallSite& site) {
  const auto found = Finders().find(FullName(site.op));
  return found == Finders().end() ? DirectCall() : found->second(site);
}

bool HasDirectForm(const Trace& trace, size_t i) {
  const TraceOp& op = trace.ops[i];
  if (IsLstmLayer(op.op)) return HasLstmForm(trace, op);
  const std::string name = FullName(op.op);
  return name == "aten::relu" || name == "aten::sum" || name == "aten::mse_loss" ||
         name == "aten::zeros" || name == "aten::clone" || name == "eta::cross_entropy_backward";
}

bool RoundsOtherwise(const c10::OperatorHandle& op) { return IsLstmLayer(op); }

bool WorksInPlace(const c10::OperatorHandle& op) {
  const std::string name = FullName(op);
  return name == "aten::relu" || name == "aten::threshold_backward";
}

int64_t ScratchBytes(const Trace& trace, size_t i) {
  const TraceOp& op = trace.ops[i];
  if (IsLstmLayer(op.op)) return LstmScratchBytes(trace, op);
  if (FullName(op.op) != "aten::mse_loss" || op.arguments[2].value.toInt() == at::Reduction::None) {
    return 0;
  }
  const TraceTensor& x = trace.tensors[op.arguments[0].tensors.at(0)];
  return c10::multiply_integers(x.sizes) * static_cast<int64_t>(c10::elementSize(x.dtype));
}

}  // namespace eta::tensor
