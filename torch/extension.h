// The tensor extension: everything that OpTables offer, as builtins of a VM.
//
// `etai` loads it as libeta_tensor.so, through eta_install_tensors (bindings.h), when a program
// first names one of its operations; tests link it and call InstallTensors.
#pragma once

#include <string_view>
#include <vector>

#include "vm/vm.h"

namespace eta::tensor {

// Defines every operation that is linked in. Thread safety: different VMs at the same time.
void InstallTensors(Vm& vm);

// The names of these operations, sorted.
std::vector<std::string_view> OfferedNames();

}  // namespace eta::tensor
