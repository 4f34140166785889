// The arithmetic of DeviceOps by libtorch's operations, which serve any device: what is called here
// runs on the calling thread's current stream of the buffers' device, and throws what libtorch
// throws. The buffers' own streams do not matter.
//
// Thread safety: any thread.
#pragma once

#include <c10/core/Device.h>

#include <span>

#include "parallel/core/buffer.h"

namespace eta::parallel {

c10::Device ToTorch(Device device);

// As DeviceOps::Divide, Copy and Reduce.
void DivideElements(const Buffer& buffer, int divisor);
void CopyElements(const Buffer& to, const Buffer& from);
void ReduceElements(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op);

}  // namespace eta::parallel
