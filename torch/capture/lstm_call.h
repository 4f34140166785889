// Layers of LSTMs as recorded operations: aten::mkldnn_rnn_layer and its gradient, which
// lstm_layer.h computes in place of oneDNN.
#pragma once

#include "torch/capture/direct_call.h"

namespace eta::tensor {

// Whether it is one of the two.
bool IsLstmLayer(const c10::OperatorHandle& op);

// Whether it is an LSTM, of sequences of one length in float32, whose tensors lie as lstm_layer.h
// wants them.
// REQUIRES: IsLstmLayer
bool HasLstmForm(const Trace& trace, const TraceOp& op);

// How much memory a call needs for itself. REQUIRES: HasLstmForm
int64_t LstmScratchBytes(const Trace& trace, const TraceOp& op);

// REQUIRE: HasLstmForm. What one leaves in libtorch's workspace only the other can read.
DirectCall LstmInto(const CallSite& site);
DirectCall LstmBackwardInto(const CallSite& site);

}  // namespace eta::tensor
