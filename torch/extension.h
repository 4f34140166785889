// The tensor extension: all operation tables, and their installation in a VM.
//
// `etai` loads it as libeta_tensor.so through eta_install_tensors (bindings.h) when a program first
// names one of its operations; tests link it and call InstallTensors.
#pragma once

#include <span>

#include "vm/native.h"
#include "vm/vm.h"

namespace eta::tensor {

// The operation tables, one per source file ops_*.cc.
std::span<const NativeDef> CreateOps();
std::span<const NativeDef> PointwiseOps();
std::span<const NativeDef> ReduceOps();
std::span<const NativeDef> ShapeOps();
std::span<const NativeDef> LinalgOps();
std::span<const NativeDef> AutogradOps();
std::span<const NativeDef> NnOps();
std::span<const NativeDef> OptimOps();
std::span<const NativeDef> IoOps();

// All of the above.
std::span<const std::span<const NativeDef>> OpTables();

// Defines every operation as a builtin of `vm`. Thread safety: different VMs at the same time.
void InstallTensors(Vm& vm);

}  // namespace eta::tensor
