// A backward pass adds gradients to zeros. What adds to them first may as well write them: then the
// zeros need not be there, and what would be added need not be made elsewhere.
#pragma once

#include <span>
#include <vector>

#include "torch/capture/trace.h"

namespace eta::tensor {

// In a trace's second part `zeros` are zero at its begin. For each of these `written` says whether
// it may hold anything then. Otherwise as Fused (torch/capture/fusion.h), whose remark on `kept`
// holds; bits are the same, but that a sum may be -0 where adding it to a zero gave 0.
Trace WithFirstWrites(const Trace& trace, std::span<const size_t> zeros,
                      std::span<const size_t> kept, std::vector<bool>* written);

}  // namespace eta::tensor
