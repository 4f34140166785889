// What happens between the products of an LSTM layer in float32, in one pass over its gates: of
// each row these are the input gate, the forget gate, the candidate and the output gate, `units` of
// each. Sigmoids, tangents and what follows from them are within 1e-6 of their values. A NaN stays
// one.
#pragma once

#include <cstdint>

namespace eta::tensor {

// At one time. All tensors lie by rows without gaps.
struct LstmStep {
  int64_t rows, units;
  float* gates;           // (rows, 4 units)
  float* cell;            // (rows, units), as are those that follow; the new one
  const float* old_cell;  // may be `cell`
  float* squashed_cell;   // its hyperbolic tangent
};

// Adds `bias`, of 4 units, to the sums in `gates`, which become gates, and computes the cell and
// the output.
void ForwardGates(const LstmStep& step, const float* bias, float* output);

// A gradient that libtorch made: a number for each row and unit, with any strides.
struct LstmGradient {
  const float* data;  // null: it is zero
  int64_t row_stride, unit_stride;
};

// Gradients that go back through time. `cell` goes from that of the new cell to that of the old
// one; to `bias` the gradients of all rows are added.
struct LstmBackwardState {
  const float* hidden;  // (rows, units), of the output, to which comes what libtorch gives
  float *cell, *bias;
};

// Turns the gates into the gradients of their sums.
void BackwardGates(const LstmStep& step, const LstmGradient& output,
                   const LstmBackwardState& state);

}  // namespace eta::tensor
