#include "torch/capture/lstm_call.h"

#include <algorithm>
#include <climits>
#include <string>

#include "torch/capture/lstm_layer.h"

namespace eta::tensor {
namespace {

constexpr int64_t kLstmMode = 2;  // of ideep's kinds of recurrent layers

// Of the arguments of both.
enum Place : size_t { kX, kInputWeight, kHiddenWeight, kInputBias, kHiddenBias, kHidden, kCell };

// Where each of the two has its other arguments.
struct Places {
  size_t reverse, batch_sizes, mode, has_biases;
};
constexpr Places kForward{7, 8, 9, 12}, kBackward{13, 20, 14, 17};
constexpr size_t kOutputs = 7, kOutputGradient = 10, kHiddenGradient = 11, kCellGradient = 12;
constexpr size_t kWorkspace = 22, kWorkspaceResult = 3;

bool IsBackward(const c10::OperatorHandle& op) {
  return op.operator_name().name == "aten::mkldnn_rnn_layer_backward";
}

const Places& PlacesOf(const c10::OperatorHandle& op) {
  return IsBackward(op) ? kBackward : kForward;
}

// Null: it is none, or not plain memory.
const TraceTensor* ArgumentOf(const Trace& trace, const TraceOp& op, size_t place) {
  const TraceArgument& argument = op.arguments[place];
  if (argument.kind != TraceArgument::Kind::kTensor) return nullptr;
  return &trace.tensors[argument.tensors[0]];
}

bool Has(const TraceTensor* tensor, const std::vector<int64_t>& sizes) {
  return tensor != nullptr && tensor->dtype == at::kFloat && tensor->sizes == sizes &&
         LiesWithoutGaps(*tensor);
}

LstmShape ShapeOf(const std::vector<int64_t>& x, int64_t gates, bool reverse) {
  return {x[0], x[1], x[2], gates / 4, reverse};
}

// REQUIRES: an input of three axes
LstmShape ShapeOf(const Trace& trace, const TraceOp& op) {
  return ShapeOf(ArgumentOf(trace, op, kX)->sizes, ArgumentOf(trace, op, kInputWeight)->sizes[0],
                 op.arguments[PlacesOf(op.op).reverse].value.toBool());
}

// The BLAS counts with int.
bool IsSmall(const LstmShape& shape) {
  const int64_t rows = shape.times * shape.rows;
  return rows * shape.gates() < INT_MAX && rows * shape.inputs < INT_MAX &&
         shape.gates() * std::max(shape.inputs, shape.units) < INT_MAX;
}

bool HasInputs(const Trace& trace, const TraceOp& op, const LstmShape& shape) {
  const auto has = [&](size_t place, const std::vector<int64_t>& sizes) {
    return Has(ArgumentOf(trace, op, place), sizes);
  };
  const bool biased = op.arguments[PlacesOf(op.op).has_biases].value.toBool();
  return has(kX, {shape.times, shape.rows, shape.inputs}) &&
         has(kInputWeight, {shape.gates(), shape.inputs}) &&
         has(kHiddenWeight, {shape.gates(), shape.units}) &&
         (!biased || (has(kInputBias, {shape.gates()}) && has(kHiddenBias, {shape.gates()}))) &&
         has(kHidden, {shape.rows, shape.units}) && has(kCell, {shape.rows, shape.units});
}

bool IsRoomy(const Trace& trace, const TraceTensor* workspace, const LstmShape& shape) {
  return workspace != nullptr && LiesWithoutGaps(*workspace) &&
         trace.regions[workspace->region].bytes - workspace->offset >=
             shape.kept_count() * static_cast<int64_t>(sizeof(float));
}

bool HasResults(const Trace& trace, const TraceOp& op,
                const std::vector<std::vector<int64_t>>& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (op.results[i] == kNoTensor || !Has(&trace.tensors[op.results[i]], sizes[i])) return false;
  }
  return true;
}

bool HasForwardForm(const Trace& trace, const TraceOp& op, const LstmShape& s) {
  const size_t workspace = op.results[kWorkspaceResult];
  return HasResults(trace, op,
                    {{s.times, s.rows, s.units}, {s.rows, s.units}, {s.rows, s.units}}) &&
         (workspace == kNoTensor || IsRoomy(trace, &trace.tensors[workspace], s));
}

bool HasBackwardForm(const Trace& trace, const TraceOp& op, const LstmShape& s) {
  const auto is_gradient = [&](size_t place, const std::vector<int64_t>& sizes) {
    const TraceTensor* const gradient = ArgumentOf(trace, op, place);
    return gradient == nullptr || (gradient->dtype == at::kFloat && gradient->sizes == sizes);
  };
  const std::vector<int64_t> state = {s.rows, s.units}, bias = {s.gates()};
  return is_gradient(kOutputGradient, {s.times, s.rows, s.units}) &&
         is_gradient(kHiddenGradient, state) && is_gradient(kCellGradient, state) &&
         Has(ArgumentOf(trace, op, kOutputs), {s.times, s.rows, s.units}) &&
         IsRoomy(trace, ArgumentOf(trace, op, kWorkspace), s) &&
         HasResults(trace, op,
                    {{s.times, s.rows, s.inputs},
                     {s.gates(), s.inputs},
                     {s.gates(), s.units},
                     bias,
                     bias,
                     state,
                     state});
}

const float* DataOf(const Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

float* RoomIn(const Tensor& tensor) {
  return tensor.defined() ? static_cast<float*>(tensor.mutable_data_ptr()) : nullptr;
}

LstmGradient GradientIn(const Tensor& tensor) {
  if (!tensor.defined()) return {nullptr, 0, 0};
  return {DataOf(tensor), tensor.stride(-2), tensor.stride(-1)};
}

// The operands of both passes.
struct Layer {
  explicit Layer(const CallSite& site)
      : x(site.arguments[kX].toTensor()),
        input_weight(site.arguments[kInputWeight].toTensor()),
        hidden_weight(site.arguments[kHiddenWeight].toTensor()),
        hidden(site.arguments[kHidden].toTensor()),
        cell(site.arguments[kCell].toTensor()),
        shape(ShapeOf(x.sizes().vec(), input_weight.size(0),
                      site.arguments[PlacesOf(site.op).reverse].toBool())) {}
  LstmInputs Inputs() const {
    return {DataOf(x), DataOf(input_weight), DataOf(hidden_weight), DataOf(hidden), DataOf(cell)};
  }

  const Tensor x, input_weight, hidden_weight, hidden, cell;
  const LstmShape shape;
};

// Undefined: it was not given.
Tensor ArgumentAt(const CallSite& site, size_t place) {
  const c10::IValue& value = site.arguments[place];
  return value.isTensor() ? value.toTensor() : Tensor();
}

// Undefined: nobody wants it.
Tensor WantedAt(const CallSite& site, size_t result) {
  return site.used[result] ? site.results[result] : Tensor();
}

}  // namespace

bool IsLstmLayer(const c10::OperatorHandle& op) {
  return IsBackward(op) || op.operator_name().name == "aten::mkldnn_rnn_layer";
}

bool HasLstmForm(const Trace& trace, const TraceOp& op) {
  const Places& places = PlacesOf(op.op);
  const TraceTensor* const x = ArgumentOf(trace, op, kX);
  if (op.arguments[places.mode].value.toInt() != kLstmMode ||
      !op.arguments[places.batch_sizes].value.toIntVector().empty() || x == nullptr ||
      x->sizes.size() != 3) {
    return false;
  }
  const LstmShape shape = ShapeOf(trace, op);
  if (!IsSmall(shape) || !HasInputs(trace, op, shape)) return false;
  return IsBackward(op.op) ? HasBackwardForm(trace, op, shape) : HasForwardForm(trace, op, shape);
}

int64_t LstmScratchBytes(const Trace& trace, const TraceOp& op) {
  const LstmShape shape = ShapeOf(trace, op);
  const int64_t count =
      IsBackward(op.op)
          ? shape.backward_scratch_count()
          : shape.forward_scratch_count(/*keeps=*/op.results[kWorkspaceResult] != kNoTensor);
  return count * static_cast<int64_t>(sizeof(float));
}

DirectCall LstmInto(const CallSite& site) {
  const bool biased = site.arguments[kForward.has_biases].toBool();
  return [layer = Layer(site), input_bias = biased ? ArgumentAt(site, kInputBias) : Tensor(),
          hidden_bias = biased ? ArgumentAt(site, kHiddenBias) : Tensor(),
          outputs = site.results[0], hidden = site.results[1], cell = site.results[2],
          kept = site.results[kWorkspaceResult], scratch = site.scratch] {
    RunLstm(layer.shape, layer.Inputs(), DataOf(input_bias), DataOf(hidden_bias),
            {RoomIn(outputs), RoomIn(hidden), RoomIn(cell)}, RoomIn(kept), RoomIn(scratch));
  };
}

DirectCall LstmBackwardInto(const CallSite& site) {
  return [layer = Layer(site), outputs = ArgumentAt(site, kOutputs),
          kept = ArgumentAt(site, kWorkspace), given = ArgumentAt(site, kOutputGradient),
          given_hidden = ArgumentAt(site, kHiddenGradient),
          given_cell = ArgumentAt(site, kCellGradient), x = WantedAt(site, 0),
          input_weight = WantedAt(site, 1), hidden_weight = WantedAt(site, 2),
          bias = site.results[3], hidden_bias = site.results[4], hidden = site.results[5],
          cell = site.results[6], wants_hidden = bool{site.used[5]}, scratch = site.scratch] {
    RunLstmBackward(layer.shape, layer.Inputs(), DataOf(outputs), RoomIn(kept),
                    {GradientIn(given), given.defined() ? given.stride(0) : 0,
                     GradientIn(given_hidden), GradientIn(given_cell)},
                    {RoomIn(x), RoomIn(input_weight), RoomIn(hidden_weight), RoomIn(bias),
                     RoomIn(hidden), RoomIn(cell), wants_hidden},
                    RoomIn(scratch));
    std::copy_n(DataOf(bias), layer.shape.gates(), RoomIn(hidden_bias));
  };
}

}  // namespace eta::tensor
