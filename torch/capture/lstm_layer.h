// One direction of one layer of an LSTM in float32, forwards and backwards through time: the
// products by the BLAS, what is between them in one pass over the gates (lstm_gates.h). It computes
// what libtorch's layer does, which is oneDNN's, and rounds otherwise. Sums are in the same order
// in each run.
//
// All tensors lie without gaps, but the gradient of the outputs: `times` of matrices with a row for
// each sequence of the batch; weights and biases as libtorch has them, the gates in the order
// input, forget, candidate, output. Nothing is allocated.
#pragma once

#include <cstdint>

#include "torch/capture/lstm_gates.h"

namespace eta::tensor {

struct LstmShape {
  int64_t times, rows, inputs, units;
  bool reverse;  // from the last time to the first

  int64_t gates() const { return 4 * units; }
  // Numbers that the forward pass leaves to the backward pass.
  int64_t kept_count() const { return times * rows * 6 * units; }
  // Numbers that a pass needs besides. Forwards, if nothing is kept, they hold that of one time
  // too.
  int64_t forward_scratch_count(bool keeps) const {
    return gates() * (inputs + units + 1) + (keeps ? 0 : rows * 6 * units);
  }
  int64_t backward_scratch_count() const { return gates(); }
};

// The layer and what it was given.
struct LstmInputs {
  const float *x, *input_weight, *hidden_weight, *hidden, *cell;
};

struct LstmOutputs {
  float *outputs, *hidden, *cell;
};

// The biases are null if there are none. `kept` is null if there is no backward pass.
void RunLstm(const LstmShape& shape, const LstmInputs& in, const float* input_bias,
             const float* hidden_bias, const LstmOutputs& out, float* kept, float* scratch);

// Of the outputs, which move by `time_stride` from time to time, and of the last state.
struct LstmOutputGradients {
  LstmGradient outputs;
  int64_t time_stride;
  LstmGradient hidden, cell;
};

// Null: not wanted. The last three always have memory; the hidden state's gradient may be of
// another time in the end, if it is not wanted.
struct LstmInputGradients {
  float *x, *input_weight, *hidden_weight, *bias, *hidden, *cell;
  bool wants_hidden;
};

// `outputs` and `kept` are those of RunLstm; what is kept is used up: it can be run once.
void RunLstmBackward(const LstmShape& shape, const LstmInputs& in, const float* outputs,
                     float* kept, const LstmOutputGradients& given,
                     const LstmInputGradients& wanted, float* scratch);

}  // namespace eta::tensor
