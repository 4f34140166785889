#include "parallel/isolate/extension_loader.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace eta::parallel {
namespace {

// libtorch's kernels run on GNU OpenMP, whose threads wait for each other by spinning for up to
// milliseconds. Beside a busy process they then spin in each other's way: training slowed down
// fortyfold. 5000 turns last longer than the pauses between kernels. OpenMP reads it when loaded.
void LimitOpenMpSpinning() {
  if (getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "5000", /*overwrite=*/0);
}

}  // namespace

ExtensionLoader::ExtensionLoader(std::string path) : path_(std::move(path)) {
  LimitOpenMpSpinning();
}

void ExtensionLoader::Offer(const std::shared_ptr<ExtensionLoader>& loader,
                            std::span<const std::string_view> names, Vm& vm) {
  vm.SetExtension([loader](Vm& here) { return loader->Install(here); },
                  {names.begin(), names.end()});
}

Expected<Ok, std::string> ExtensionLoader::Install(Vm& vm) {
  auto loaded = Load();
  if (loaded) install_(&vm);
  return loaded;
}

Expected<std::shared_ptr<DeviceOps>, std::string> ExtensionLoader::MakeDeviceOps() {
  if (auto loaded = Load(); !loaded) return Unexpected(std::move(loaded.error()));
  std::shared_ptr<DeviceOps> ops;
  make_device_ops_(&ops);
  return ops;
}

Expected<Ok, std::string> ExtensionLoader::Load() {
  std::call_once(once_, [this] { LoadOnce(); });
  if (make_device_ops_ == nullptr) return Unexpected("cannot load the tensor extension: " + error_);
  return Ok{};
}

void ExtensionLoader::LoadOnce() {
  // Now: what the program lacks is found here, not in the middle of training.
  void* library = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) {
    install_ = reinterpret_cast<InstallEntry>(dlsym(library, "eta_install_tensors"));
  }
  if (install_ != nullptr) {
    make_device_ops_ = reinterpret_cast<DeviceOpsEntry>(dlsym(library, "eta_make_device_ops"));
  }
  if (make_device_ops_ == nullptr) error_ = dlerror();
}

std::string ExtensionFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string ExtensionPath() { return ExtensionFolder() + "/libeta_tensor.so"; }

}  // namespace eta::parallel
