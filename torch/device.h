// Devices by name, and libtorch's CUDA half, which is loaded at run time: one binary serves
// machines with and without a GPU.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <string_view>

namespace eta::tensor {

// Loads libtorch_cuda if this machine has a driver. It must run before anything asks libtorch about
// CUDA (libtorch looks once and remembers), so installing the extension does it. Later calls do
// nothing. Thread safety: any thread.
void LoadCuda();

// GPUs that can be used; 0 without a driver or without libtorch_cuda.
int GpuCount();

// The device called "cpu", "cuda" (the first) or "cuda:N"; or one of another kind that a library
// has added to libtorch, under its own name. Throws c10::Error with the reason when
// the name is unknown or this machine has no such device.
c10::Device ParseDevice(std::string_view name);

// "cpu" or "cuda:0".
std::string DeviceName(c10::Device device);

}  // namespace eta::tensor
