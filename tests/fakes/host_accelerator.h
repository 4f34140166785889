// A device of libtorch's kind PrivateUse1 whose memory and kernels are the CPU's: with it, what is
// written for GPUs runs without one. It has memory and random generators of its own, and streams
// that run what they are given at once. Whoever is linked with it has the device "host".
//
// Like a GPU it fails on tensors of the CPU, except for single numbers, and on a generator that is
// not its own. Fresh memory is full of NaNs.
#pragma once

#include <cstdint>

namespace eta::tensor {

// Thread safety: any thread.
class HostAccelerator {
 public:
  // Kernels that have run so far, in all threads; views are none.
  static int64_t kernels();
  // Graphs that were launched.
  static int64_t launches();
  // From now on no graph is captured with this operation ("aten::relu.out"); null: any may be.
  // REQUIRES: static storage.
  static void RefuseToCapture(const char* operation);
};

}  // namespace eta::tensor
