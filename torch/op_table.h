// OpTable: the tables of operations that are linked into the extension. A static OpTable beside
// each table enters it in the list, so adding a file of operations touches no other file.
#pragma once

#include <span>

#include "vm/native.h"

namespace eta::tensor {

// Static objects only. Thread safety: the list is complete before main and constant afterwards.
class OpTable {
 public:
  // `ops` must have static lifetime.
  explicit OpTable(std::span<const NativeDef> ops);
  OpTable(const OpTable&) = delete;
  OpTable& operator=(const OpTable&) = delete;

  // All tables, in no particular order: First(), then next() until null.
  static const OpTable* First();
  const OpTable* next() const { return next_; }
  std::span<const NativeDef> ops() const { return ops_; }

 private:
  const std::span<const NativeDef> ops_;
  const OpTable* const next_;
};

}  // namespace eta::tensor
