#include "torch/extension.h"

#include <algorithm>

#include "torch/bindings.h"
#include "torch/device.h"
#include "torch/memory.h"
#include "torch/op_table.h"

namespace eta::tensor {

void InstallTensors(Vm& vm) {
  LoadCuda();
  InstallCountingAllocator();
  for (auto* table = OpTable::First(); table; table = table->next()) table->Install(vm);
}

std::vector<std::string_view> OfferedNames() {
  std::vector<std::string_view> names;
  for (auto* table = OpTable::First(); table; table = table->next()) {
    for (const NativeDef& op : table->ops()) names.push_back(op.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace eta::tensor

extern "C" void eta_install_tensors(eta::Vm* vm) { eta::tensor::InstallTensors(*vm); }
