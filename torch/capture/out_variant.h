// The forms of operations that write into tensors that they are given.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "torch/capture/trace.h"

namespace eta::tensor {

// Thread safety: const.
class OutVariants {
 public:
  // Knows those of the operations in `trace`.
  explicit OutVariants(const Trace& trace);

  // The overload with the same arguments and, behind them, one tensor to write to for each result.
  // None for operations that change their arguments, and where libtorch's form computes a result
  // elsewhere and then copies it.
  std::optional<c10::OperatorHandle> Find(const c10::OperatorHandle& op) const;

 private:
  std::unordered_multimap<std::string, std::string> overloads_;  // by name
};

}  // namespace eta::tensor
