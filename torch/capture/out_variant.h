// The form of an operation that writes into tensors that it is given.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

namespace eta::tensor {

// The overload with the same arguments and, behind them, one tensor to write to for each result.
// None for operations that change their arguments, and where libtorch's form computes a result
// elsewhere and then copies it. Thread safety: any thread.
std::optional<c10::OperatorHandle> FindOutVariant(const c10::OperatorHandle& op);

}  // namespace eta::tensor
