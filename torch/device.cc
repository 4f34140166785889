#include "torch/device.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>

namespace eta::tensor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDriver = "libcuda.so.1";
constexpr const char* kCudaLibrary = "libtorch_cuda.so";

std::atomic<bool> cuda_loaded{false};

// Beside libtorch_cpu.so, or where ETA_LIBTORCH_PATH says: an unpacked libtorch or site-packages.
std::optional<fs::path> FindCudaLibrary() {
  std::vector<fs::path> folders;
  if (const char* root = std::getenv("ETA_LIBTORCH_PATH"); root != nullptr && *root != '\0') {
    folders = {fs::path(root) / "lib", fs::path(root) / "torch" / "lib"};
  }
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&at::detail::getCUDAHooks), &info) != 0) {
    folders.push_back(fs::path(info.dli_fname).parent_path());
  }
  for (const fs::path& folder : folders) {
    std::error_code error;
    if (fs::exists(folder / kCudaLibrary, error)) return folder / kCudaLibrary;
  }
  return std::nullopt;
}

void LoadCudaOnce() {
  if (dlopen(kDriver, RTLD_NOW | RTLD_GLOBAL) == nullptr) return;
  const auto library = FindCudaLibrary();
  cuda_loaded = library && dlopen(library->c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr;
}

// The N of "cuda:N", 0 for "cuda".
std::optional<int> GpuIndex(std::string_view name) {
  constexpr std::string_view kCuda = "cuda";
  if (!name.starts_with(kCuda)) return std::nullopt;
  name.remove_prefix(kCuda.size());
  if (name.empty()) return 0;
  int index = -1;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), index);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  return name[0] == ':' && whole && index >= 0 ? std::optional(index) : std::nullopt;
}

// Whether it is the kind of device that libtorch leaves to others, and somebody brought one.
bool IsAdded(std::string_view name) {
  if (!c10::impl::hasDeviceGuardImpl(c10::kPrivateUse1)) return false;
  const std::string kind = c10::get_privateuse1_backend();
  return name == kind || name == kind + ":0";
}

}  // namespace

void LoadCuda() {
  static std::once_flag once;
  std::call_once(once, LoadCudaOnce);
}

int GpuCount() {
  LoadCuda();
  if (!cuda_loaded) return 0;
  const auto& hooks = at::detail::getCUDAHooks();
  return hooks.hasCUDA() ? hooks.deviceCount() : 0;
}

c10::Device ParseDevice(std::string_view name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (IsAdded(name)) return c10::Device(c10::kPrivateUse1, 0);
  const auto index = GpuIndex(name);
  TORCH_CHECK(index, "unknown device '", name, "' (known: cpu, cuda, cuda:N)");
  const int count = GpuCount();
  TORCH_CHECK(count > 0, "no GPU available for device '", name, "'");
  TORCH_CHECK(*index < count, "no device '", name, "': this machine has ", count, " GPU(s)");
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(*index));
}

std::string DeviceName(c10::Device device) { return device.str(); }

}  // namespace eta::tensor
