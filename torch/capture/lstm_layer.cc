#include "torch/capture/lstm_layer.h"

#include <algorithm>

#include "torch/capture/blas.h"

namespace eta::tensor {
namespace {

// Where a time's numbers are: the times in the order in which the layer goes through them.
class Times {
 public:
  Times(const LstmShape& shape, float* kept, bool keeps)
      : shape_(shape), kept_(kept), places_(keeps ? shape.times : 1) {}

  // Of the `step`th one.
  int64_t Time(int64_t step) const { return shape_.reverse ? shape_.times - 1 - step : step; }
  LstmStep At(int64_t step, const float* first_cell) const {
    const int64_t size = shape_.rows * shape_.units, place = Place(step);
    float* const cells = kept_ + places_ * 4 * size;
    return {.rows = shape_.rows,
            .units = shape_.units,
            .gates = kept_ + place * 4 * size,
            .cell = cells + place * size,
            .old_cell = step == 0 ? first_cell : cells + Place(step - 1) * size,
            .squashed_cell = cells + (places_ + place) * size};
  }

 private:
  int64_t Place(int64_t step) const { return places_ == 1 ? 0 : Time(step); }

  const LstmShape& shape_;
  float* const kept_;
  const int64_t places_;
};

// The output before the `step`th time.
const float* HiddenBefore(const LstmShape& shape, const Times& times, int64_t step,
                          const float* outputs, const float* first) {
  return step == 0 ? first : outputs + times.Time(step - 1) * shape.rows * shape.units;
}

BlasOperand<float> ByRows(const float* data, int64_t columns) {
  return {data, 'n', static_cast<int>(columns)};
}

// The transpose of a matrix that lies by rows.
BlasOperand<float> Turned(const float* data, int64_t columns) {
  return {data, 't', static_cast<int>(columns)};
}

ProductSize SizeOf(int64_t rows, int64_t columns, int64_t inner) {
  return {static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(inner)};
}

// In tiles, which fit a line of the cache each way.
void Transpose(const float* from, int64_t rows, int64_t columns, float* to) {
  constexpr int64_t kTile = 16;
  for (int64_t row = 0; row < rows; row += kTile) {
    for (int64_t column = 0; column < columns; column += kTile) {
      for (int64_t c = column; c < std::min(column + kTile, columns); ++c) {
        for (int64_t r = row; r < std::min(row + kTile, rows); ++r) {
          to[c * rows + r] = from[r * columns + c];
        }
      }
    }
  }
}

void SumBiases(const float* a, const float* b, int64_t count, float* sum) {
  for (int64_t i = 0; i < count; ++i) sum[i] = a == nullptr ? 0 : a[i] + b[i];
}

void CopyGradient(const LstmGradient& from, const LstmShape& shape, float* to) {
  for (int64_t row = 0; row < shape.rows; ++row) {
    for (int64_t j = 0; j < shape.units; ++j) {
      const int64_t place = row * from.row_stride + j * from.unit_stride;
      *to++ = from.data == nullptr ? 0 : from.data[place];
    }
  }
}

}  // namespace

void RunLstm(const LstmShape& shape, const LstmInputs& in, const float* input_bias,
             const float* hidden_bias, const LstmOutputs& out, float* kept, float* scratch) {
  const auto [times, rows, inputs, units, reverse] = shape;
  const int64_t gates = shape.gates(), size = rows * units;
  // A product with a transposed matrix is slower, and these are used at each time.
  float* const input_weight = scratch;
  float* const hidden_weight = input_weight + inputs * gates;
  float* const bias = hidden_weight + units * gates;
  Transpose(in.input_weight, gates, inputs, input_weight);
  Transpose(in.hidden_weight, gates, units, hidden_weight);
  SumBiases(input_bias, hidden_bias, gates, bias);
  const Times places(shape, kept != nullptr ? kept : bias + gates, kept != nullptr);
  for (int64_t i = 0; i < times; ++i) {
    const int64_t time = places.Time(i);
    const LstmStep step = places.At(i, in.cell);
    const float* const hidden = HiddenBefore(shape, places, i, out.outputs, in.hidden);
    Multiply(ByRows(in.x + time * rows * inputs, inputs), ByRows(input_weight, gates), 0,
             step.gates, SizeOf(rows, gates, inputs));
    Multiply(ByRows(hidden, units), ByRows(hidden_weight, gates), 1, step.gates,
             SizeOf(rows, gates, units));
    ForwardGates(step, bias, out.outputs + time * size);
  }
  std::copy_n(out.outputs + places.Time(times - 1) * size, size, out.hidden);
  std::copy_n(places.At(times - 1, in.cell).cell, size, out.cell);
}

namespace {

// From the gradients of the gates' sums, which are where the gates were.
void WeightGradients(const LstmShape& shape, const LstmInputs& in, const float* outputs,
                     const float* gates, const LstmInputGradients& wanted) {
  const auto [times, rows, inputs, units, reverse] = shape;
  const int64_t width = shape.gates(), all = times * rows, later = all - rows;
  if (wanted.x != nullptr) {
    Multiply(ByRows(gates, width), ByRows(in.input_weight, inputs), 0, wanted.x,
             SizeOf(all, inputs, width));
  }
  if (wanted.input_weight != nullptr) {
    Multiply(Turned(gates, width), ByRows(in.x, inputs), 0, wanted.input_weight,
             SizeOf(width, inputs, all));
  }
  if (wanted.hidden_weight == nullptr) return;
  // What came in at the first time that the layer went through, then at all others.
  const float* const first = gates + (reverse ? later * width : 0);
  Multiply(Turned(first, width), ByRows(in.hidden, units), 0, wanted.hidden_weight,
           SizeOf(width, units, rows));
  if (later == 0) return;
  const float* const others = gates + (reverse ? 0 : rows * width);
  const float* const before = outputs + (reverse ? rows * units : 0);
  Multiply(Turned(others, width), ByRows(before, units), 1, wanted.hidden_weight,
           SizeOf(width, units, later));
}

}  // namespace

void RunLstmBackward(const LstmShape& shape, const LstmInputs& in, const float* outputs,
                     float* kept, const LstmOutputGradients& given,
                     const LstmInputGradients& wanted, float* scratch) {
  const int64_t width = shape.gates();
  CopyGradient(given.hidden, shape, wanted.hidden);
  CopyGradient(given.cell, shape, wanted.cell);
  std::fill_n(wanted.bias, width, 0.0f);
  const Times places(shape, kept, /*keeps=*/true);
  for (int64_t i = shape.times; i-- > 0;) {
    const LstmStep step = places.At(i, in.cell);
    LstmGradient output = given.outputs;
    if (output.data != nullptr) output.data += places.Time(i) * given.time_stride;
    std::fill_n(scratch, width, 0.0f);
    BackwardGates(step, output, {wanted.hidden, wanted.cell, scratch});
    // Sums of sums: one of all rows of all times would round more.
    for (int64_t j = 0; j < width; ++j) wanted.bias[j] += scratch[j];
    if (i == 0 && !wanted.wants_hidden) break;
    Multiply(ByRows(step.gates, width), ByRows(in.hidden_weight, shape.units), 0, wanted.hidden,
             SizeOf(shape.rows, shape.units, width));
  }
  WeightGradients(shape, in, outputs, kept, wanted);
}

}  // namespace eta::tensor
