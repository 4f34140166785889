// ExtensionLoader: brings in libeta_tensor.so when a program first uses a tensor, or replicas run
// on GPUs. Loading libtorch costs a third of a second, so programs without tensors do not.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/expected.h"
#include "parallel/core/device_ops.h"
#include "vm/vm.h"

namespace eta::parallel {

// Thread safety: any thread. The library stays loaded until the process ends.
class ExtensionLoader {
 public:
  // `path` of the shared library, which defines eta_install_tensors (torch/bindings.h) and
  // eta_make_device_ops (parallel/training/torch_device.h). Changes the environment, so construct
  // it before there are threads.
  explicit ExtensionLoader(std::string path);
  ExtensionLoader(const ExtensionLoader&) = delete;
  ExtensionLoader& operator=(const ExtensionLoader&) = delete;

  // Makes `vm` load the extension when its program first uses one of these names. `loader` lives as
  // long as the Vm.
  static void Offer(const std::shared_ptr<ExtensionLoader>& loader,
                    std::span<const std::string_view> names, Vm& vm);

  // Defines the extension's natives in `vm`. Error: why they are not to be had.
  Expected<Ok, std::string> Install(Vm& vm);

  // The GPUs that libtorch can use; null: there are none. Error: the extension is not to be had.
  Expected<std::shared_ptr<DeviceOps>, std::string> MakeDeviceOps();

 private:
  using InstallEntry = void (*)(Vm* vm);
  using DeviceOpsEntry = void (*)(std::shared_ptr<DeviceOps>* ops);
  Expected<Ok, std::string> Load();
  void LoadOnce();

  const std::string path_;
  std::once_flag once_;
  InstallEntry install_ = nullptr;
  DeviceOpsEntry make_device_ops_ = nullptr;  // not null: all is there
  std::string error_;
};

// Where extensions belong: the folder of the running program's own file, links resolved.
std::string ExtensionFolder();
// That of libeta_tensor.so.
std::string ExtensionPath();

}  // namespace eta::parallel
