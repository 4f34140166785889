// DeviceOps over libtorch: streams, events and arithmetic through c10's device-neutral interfaces,
// so that no CUDA header is needed to build. Streams are those of libtorch's pool for the device.
#pragma once

#include <memory>

#include "parallel/core/device_ops.h"

namespace eta::parallel {

// Null if this machine has no GPU that libtorch can use.
std::shared_ptr<DeviceOps> MakeTorchDeviceOps();

}  // namespace eta::parallel

// The entry point of libeta_tensor.so for this, looked up by name.
extern "C" void eta_make_device_ops(std::shared_ptr<eta::parallel::DeviceOps>* ops);
