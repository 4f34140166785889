#include "torch/capture/cross_entropy.h"

#include <ATen/Parallel.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/_log_softmax_backward_data.h>
#include <ATen/ops/nll_loss_backward.h>
#include <torch/library.h>

#include <algorithm>

#include "torch/capture/log_softmax.h"

namespace eta::tensor {
namespace {

// Arguments of aten::nll_loss_backward, aten::_log_softmax_backward_data and our own.
enum Nll { kNllGradient, kNllInput, kNllTarget, kNllWeight, kNllReduction, kNllIgnored, kNllTotal };
enum Softmax { kSoftmaxGradient, kSoftmaxOutput, kSoftmaxAxis, kSoftmaxType };
enum Ours { kGradient, kOutput, kTarget, kReduction, kIgnored, kTotal };

Tensor CrossEntropyBackward(const Tensor& gradient, const Tensor& output, const Tensor& target,
                            int64_t reduction, int64_t ignored, const Tensor& total) {
  return at::_log_softmax_backward_data(
      at::nll_loss_backward(gradient, output, target, {}, reduction, ignored, total), output, 1,
      output.scalar_type());
}

TORCH_LIBRARY(eta, library) {
  library.def(
      "cross_entropy_backward(Tensor gradient, Tensor output, Tensor target, int reduction,"
      " int ignore_index, Tensor total_weight) -> Tensor");
  library.impl("cross_entropy_backward", c10::DispatchKey::CPU, &CrossEntropyBackward);
}

bool IsPlain(const TraceTensor& tensor, at::ScalarType dtype, const std::vector<int64_t>& sizes) {
  return tensor.dtype == dtype && tensor.sizes == sizes && LiesWithoutGaps(tensor);
}

const TraceTensor* TensorAt(const Trace& trace, const TraceOp& op, size_t place) {
  const auto& tensors = op.arguments[place].tensors;
  return tensors.size() == 1 && tensors[0] != kNoTensor ? &trace.tensors[tensors[0]] : nullptr;
}

bool HasKernel(at::ScalarType dtype) {
  return (dtype == at::kFloat && FindLogSoftmaxBackward<float>() != nullptr) ||
         (dtype == at::kDouble && FindLogSoftmaxBackward<double>() != nullptr);
}

bool HasForm(const Trace& trace, const TraceOp& nll, const TraceOp& softmax) {
  const TraceTensor *const gradient = TensorAt(trace, nll, kNllGradient),
                           *const y = TensorAt(trace, nll, kNllInput),
                           *const target = TensorAt(trace, nll, kNllTarget),
                           *const total = TensorAt(trace, nll, kNllTotal);
  if (!gradient || !y || !target || !total || TensorAt(trace, softmax, kSoftmaxOutput) != y ||
      TensorAt(trace, nll, kNllWeight) || softmax.results[0] == kNoTensor) {
    return false;
  }
  const int64_t axis = softmax.arguments[kSoftmaxAxis].value.toInt();
  if (y->sizes.size() != 2 || y->sizes[1] == 0 || (axis != 1 && axis != -1) || !HasKernel(y->dtype))
    return false;
  const bool each = nll.arguments[kNllReduction].value.toInt() == at::Reduction::None;
  const std::vector<int64_t> rows = {y->sizes[0]}, number;
  return IsPlain(*y, y->dtype, y->sizes) && IsPlain(*gradient, y->dtype, each ? rows : number) &&
         IsPlain(*target, at::kLong, rows) && IsPlain(*total, y->dtype, number) &&
         IsPlain(trace.tensors[softmax.results[0]], y->dtype, y->sizes) &&
         softmax.arguments[kSoftmaxType].value.toScalarType() == y->dtype;
}

// So many numbers are worth a thread.
constexpr int64_t kGrain = 2048;

// A class that there is not is the error that it is in libtorch's kernel.
void CheckClasses(const int64_t* classes, int64_t rows, int64_t columns, int64_t ignored) {
  for (int64_t row = 0; row < rows; ++row) {
    TORCH_CHECK_INDEX(classes[row] == ignored || (classes[row] >= 0 && classes[row] < columns),
                      "Target ", classes[row], " is out of bounds.");
  }
}

template <class T>
struct Backward {
  explicit Backward(const CallSite& site)
      : gradient(site.arguments[kGradient].toTensor()),
        y(site.arguments[kOutput].toTensor()),
        target(site.arguments[kTarget].toTensor()),
        total(site.arguments[kTotal].toTensor()),
        out(site.results[0]),
        reduction(site.arguments[kReduction].toInt()),
        ignored(site.arguments[kIgnored].toInt()) {}

  // Rounded as libtorch does; `shared` is what all rows have.
  RowGradients<T> Gradients(T* shared) const {
    const T* const numbers = gradient.const_data_ptr<T>();
    const int64_t* const classes = target.const_data_ptr<int64_t>();
    if (reduction == at::Reduction::None) return {classes, ignored, numbers, 1, T{-1}};
    const bool mean = reduction == at::Reduction::Mean;
    *shared = -(mean ? *numbers / *total.const_data_ptr<T>() : *numbers);
    return {classes, ignored, shared, 0, T{1}};
  }
  void operator()() const {
    const int64_t rows = y.size(0), columns = y.size(1);
    CheckClasses(target.const_data_ptr<int64_t>(), rows, columns, ignored);
    T shared;
    const RowGradients<T> all = Gradients(&shared);
    const int64_t grain = std::max<int64_t>(kGrain / columns, 1);
    at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
      RowGradients<T> some = all;
      some.classes += begin;
      some.numbers += begin * all.step;
      kernel(some, y.const_data_ptr<T>() + begin * columns,
             out.mutable_data_ptr<T>() + begin * columns, end - begin, columns);
    });
  }

  const Tensor gradient, y, target, total, out;
  const int64_t reduction, ignored;
  const RowGradientKernel<T> kernel = FindLogSoftmaxBackward<T>();
};

}  // namespace

std::optional<TraceOp> FuseCrossEntropyBackward(const Trace& trace, const TraceOp& nll,
                                                const TraceOp& softmax) {
  if (!HasForm(trace, nll, softmax)) return std::nullopt;
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("eta::cross_entropy_backward", "");
  const auto& given = nll.arguments;
  return TraceOp{.op = op,
                 .arguments = {given[kNllGradient], given[kNllInput], given[kNllTarget],
                               given[kNllReduction], given[kNllIgnored], given[kNllTotal]},
                 .results = softmax.results,
                 .caller = nll.caller};
}

DirectCall CrossEntropyBackwardInto(const CallSite& site) {
  return site.results[0].scalar_type() == at::kFloat ? DirectCall(Backward<float>(site))
                                                     : DirectCall(Backward<double>(site));
}

}  // namespace eta::tensor
