// LazyZeros: zeros that take room only where they are written.
//
// Replicas of one process share out the state of an optimizer: each keeps the slices that it owns
// up to date (parallel/training/slice_owner.h). What it has of the others' is never touched, and so
// costs addresses, but no memory.
#pragma once

#include <ATen/core/Tensor.h>

namespace eta::tensor {

// A tensor of one axis, of `count` elements that are 0. On the CPU, if it is of several pages, the
// kernel gives it memory page by page when they are first written. It is charged to the isolate
// like any other, in full. Throws what libtorch throws when memory runs out.
at::Tensor LazyZeros(int64_t count, const at::TensorOptions& options);

// The same, but on the CPU however few they are: alone on pages that nothing else is on, so that
// their owner may map others there.
at::Tensor ZerosOnPages(int64_t count, const at::TensorOptions& options);

}  // namespace eta::tensor
