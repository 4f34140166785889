// Fewer operations for the same: where one takes what another gave, and nobody else does, one
// operation takes the place of both.
#pragma once

#include <span>

#include "torch/capture/trace.h"

namespace eta::tensor {

// Whether to fuse is decided by what a direct call (torch/capture/direct_call.h) gains. Its
// operations give the bits of those that it takes the place of. Tensors keep their numbers, and of
// `kept` somebody wants to know; what only went from one operation to the other is no longer made.
// REQUIRES: the trace has no problem.
Trace Fused(const Trace& trace, std::span<const size_t> kept);

}  // namespace eta::tensor
