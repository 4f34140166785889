#include "torch/op_table.h"

namespace eta::tensor {
namespace {

constinit const OpTable* first = nullptr;

}  // namespace

OpTable::OpTable(std::span<const NativeDef> ops) : ops_(ops), next_(first) { first = this; }

const OpTable* OpTable::First() { return first; }

}  // namespace eta::tensor
