// ExtensionLoader: brings in libeta_tensor.so when a program first uses a tensor. Loading libtorch
// costs a third of a second, so programs without tensors do not.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/expected.h"
#include "vm/vm.h"

namespace eta::parallel {

// Thread safety: any thread. The library stays loaded until the process ends.
class ExtensionLoader {
 public:
  // `path` of the shared library, which defines eta_install_tensors (torch/bindings.h). Changes the
  // environment, so construct it before there are threads.
  explicit ExtensionLoader(std::string path);
  ExtensionLoader(const ExtensionLoader&) = delete;
  ExtensionLoader& operator=(const ExtensionLoader&) = delete;

  // Makes `vm` load the extension when its program first uses one of these names. `loader` lives as
  // long as the Vm.
  static void Offer(const std::shared_ptr<ExtensionLoader>& loader,
                    std::span<const std::string_view> names, Vm& vm);

  // Defines the extension's natives in `vm`. Error: why they are not to be had.
  Expected<Ok, std::string> Install(Vm& vm);

 private:
  using Entry = void (*)(Vm* vm);
  void Load();

  const std::string path_;
  std::once_flag once_;
  Entry entry_ = nullptr;
  std::string error_;
};

// Where libeta_tensor.so belongs: beside the running program's own file, links resolved.
std::string ExtensionPath();

}  // namespace eta::parallel
