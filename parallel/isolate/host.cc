#include "parallel/isolate/host.h"

#include "parallel/isolate/cores.h"
#include "parallel/isolate/natives.h"
#include "torch/bindings.h"

namespace eta::parallel {

void PrepareVm(Vm& vm, const HostOptions& options, int rank, int size) {
  InstallParallelNatives(vm);
  if (options.extension == nullptr) return;
  ExtensionLoader::Offer(options.extension, options.extension_names, vm);
  auto settings = std::make_shared<tensor::TensorSettings>();
  settings->rank = rank;
  settings->world_size = size;
  settings->threads = options.threads > 0 ? options.threads : CoresPerReplica(size);
  settings->dtype = options.dtype;
  if (const auto index = static_cast<size_t>(rank); index < options.devices.size()) {
    settings->device = options.devices[index];
  }
  vm.Attach(tensor::kTensorSettings, settings);
}

}  // namespace eta::parallel
