#include "torch/op_table.h"

#include "vm/vm.h"

namespace eta::tensor {
namespace {

constinit const OpTable* first = nullptr;

}  // namespace

OpTable::OpTable(std::span<const NativeDef> ops, void (*prepare)(Vm& vm))
    : ops_(ops), prepare_(prepare), next_(first) {
  first = this;
}

const OpTable* OpTable::First() { return first; }

void OpTable::Install(Vm& vm) const {
  vm.DefineNatives(ops_);
  if (prepare_ != nullptr) prepare_(vm);
}

}  // namespace eta::tensor
