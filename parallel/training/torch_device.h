// DeviceOps over libtorch: streams, events and arithmetic through c10's device-neutral interfaces,
// so that no CUDA header is needed to build. Streams are those of libtorch's pool for the device.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "parallel/core/device_ops.h"

namespace eta::parallel {

// Null if this machine has no GPU that libtorch can use.
std::shared_ptr<DeviceOps> MakeTorchDeviceOps();

// The stream on which the calling thread's operations on `device` run; null for the CPU. Throws
// what libtorch throws.
std::unique_ptr<DeviceStream> CurrentStream(c10::Device device);

}  // namespace eta::parallel

// The entry point of libeta_tensor.so for this, looked up by name.
extern "C" void eta_make_device_ops(std::shared_ptr<eta::parallel::DeviceOps>* ops);
