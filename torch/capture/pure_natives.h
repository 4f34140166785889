// Natives that a procedure may call in a step that is replayed later without calling it.
#pragma once

#include <span>
#include <string_view>

namespace eta::tensor {

// Whether a call does nothing but give a result, which depends on the arguments alone: of tensors
// on their form and on tensor operations that a Recorder sees, never on numbers in them; of lists
// on what is in them. Random tensors count, as those operations are recorded.
bool IsPure(std::string_view native);

std::span<const std::string_view> PureNatives();

}  // namespace eta::tensor
