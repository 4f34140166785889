// Modules that programs write: parameters, buffers and other modules by name, and a procedure that
// computes the output from the input.
#pragma once

#include <memory>

#include "torch/module.h"

namespace eta::tensor {

// `parts` is a list of pairs (name . part): a tensor that tracks gradients is a parameter, any
// other tensor a buffer, a module a child. `forward` is called with the input and returns the
// output; `repeats` promises that it does what Repetition::kSure says: else it may do anything.
// Throws c10::Error where a part is something else.
std::shared_ptr<Module> MakeEtaModule(Vm& vm, Value parts, Value forward, bool repeats = false);

}  // namespace eta::tensor
