// The gradient of cross entropy with classes as targets in one operation, which the dispatcher
// knows as eta::cross_entropy_backward: what aten::nll_loss_backward gives goes through
// aten::_log_softmax_backward_data.
#pragma once

#include <optional>

#include "torch/capture/direct_call.h"

namespace eta::tensor {

// None: there are weights, or one of the tensors does not lie as log_softmax.h wants it.
std::optional<TraceOp> FuseCrossEntropyBackward(const Trace& trace, const TraceOp& nll,
                                                const TraceOp& softmax);

// Of an operation that was made above.
DirectCall CrossEntropyBackwardInto(const CallSite& site);

}  // namespace eta::tensor
