#include "torch/capture/device_graph.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace eta::tensor {
namespace {

using Makers = std::array<DeviceGraphsMaker, c10::COMPILE_TIME_MAX_DEVICE_TYPES>;

Makers& KnownMakers() {
  static Makers makers{};
  return makers;
}

// That of GPUs is in a library of its own, beside the one that this is in, as libtorch's CUDA half
// must be there when it is loaded.
DeviceGraphsMaker LoadCudaGraphs(std::string* problem) {
  Dl_info own;
  if (dladdr(reinterpret_cast<const void*>(&MakeDeviceGraphs), &own) == 0) return nullptr;
  const auto file =
      std::filesystem::path(own.dli_fname).replace_filename("libeta_cuda_graphs.so").string();
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const make = library == nullptr ? nullptr : dlsym(library, "eta_make_cuda_graphs");
  if (make == nullptr) *problem = std::string("no CUDA graphs: ") + dlerror();
  return reinterpret_cast<DeviceGraphsMaker>(make);
}

DeviceGraphsMaker MakerFor(c10::DeviceType type, std::string* problem) {
  if (type == c10::kCUDA) {
    static std::string cuda_problem;
    static const DeviceGraphsMaker maker = LoadCudaGraphs(&cuda_problem);
    *problem = cuda_problem;
    return maker;
  }
  const DeviceGraphsMaker maker = KnownMakers()[static_cast<size_t>(type)];
  if (maker == nullptr) *problem = "the device has no graphs";
  return maker;
}

}  // namespace

void RegisterDeviceGraphs(c10::DeviceType type, DeviceGraphsMaker make) {
  KnownMakers()[static_cast<size_t>(type)] = make;
}

std::unique_ptr<DeviceGraphs> MakeDeviceGraphs(c10::Device device, std::string* problem) {
  const char* const setting = std::getenv("ETA_GRAPHS");
  if (setting != nullptr && std::string_view(setting) == "0") {
    *problem = "ETA_GRAPHS=0 forbids them";
    return nullptr;
  }
  const DeviceGraphsMaker make = MakerFor(device.type(), problem);
  if (make == nullptr) return nullptr;
  try {
    return make(device);
  } catch (const std::exception& e) {
    *problem = e.what();
    return nullptr;
  }
}

}  // namespace eta::tensor
