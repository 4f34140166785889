// OpTable: the tables of operations that are linked into the extension. A static OpTable beside
// each table enters it in the list, so adding a file of operations touches no other file.
#pragma once

#include <span>

#include "vm/native.h"

namespace eta::tensor {

// Static objects only. Thread safety: the list is complete before main and constant afterwards.
class OpTable {
 public:
  // `ops` must have static lifetime. `prepare` is called for each VM that gets them, and may be
  // null.
  explicit OpTable(std::span<const NativeDef> ops, void (*prepare)(Vm& vm) = nullptr);
  OpTable(const OpTable&) = delete;
  OpTable& operator=(const OpTable&) = delete;

  // All tables, in no particular order: First(), then next() until null.
  static const OpTable* First();
  const OpTable* next() const { return next_; }
  std::span<const NativeDef> ops() const { return ops_; }
  void Install(Vm& vm) const;

 private:
  const std::span<const NativeDef> ops_;
  void (*const prepare_)(Vm& vm);
  const OpTable* const next_;
};

}  // namespace eta::tensor
