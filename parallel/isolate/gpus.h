// The GPUs of this machine, as the driver counts them. It is asked directly, since a run has to be
// planned before libtorch is loaded.
#pragma once

#include <string>
#include <vector>

namespace eta::parallel {

inline constexpr const char* kGpuDriver = "libcuda.so.1";

// Their names by index; empty without a driver, or if it finds none. What CUDA_VISIBLE_DEVICES
// hides is not there. `driver` is the library to load; it stays loaded.
std::vector<std::string> FindGpus(const char* driver = kGpuDriver);

}  // namespace eta::parallel
