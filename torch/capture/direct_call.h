// Calls of the operations that training steps consist of, without the dispatcher. They give the
// bits of libtorch's own, as they are its kernels, its BLAS, or loops in which nothing is rounded
// otherwise; but for those of which RoundsOtherwise is true.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <functional>
#include <vector>

#include "torch/capture/trace.h"

namespace eta::tensor {

// Calls one operation on the tensors that it was made for, wherever these lie then.
using DirectCall = std::function<void()>;

// What FindDirectCall gets.
struct CallSite {
  const c10::OperatorHandle& op;
  const torch::jit::Stack& arguments;
  // What it writes to, unless to its arguments. Undefined: the operation gave none.
  const std::vector<Tensor>& results;
  const std::vector<bool> used;  // whether anybody reads the result
  const Tensor scratch;          // of so many bytes as ScratchBytes says
};

// Empty: there is none.
DirectCall FindDirectCall(const CallSite& site);

// How much memory it would like for itself.
int64_t ScratchBytes(const Trace& trace, size_t op);

// Whether it may write its result into the place of its first argument.
bool WorksInPlace(const c10::OperatorHandle& op);

// Whether there is one that writes into results, though the operation itself cannot.
bool HasDirectForm(const Trace& trace, size_t op);

// Whether it is a kernel of ours that rounds otherwise than libtorch's.
bool RoundsOtherwise(const c10::OperatorHandle& op);

}  // namespace eta::tensor
