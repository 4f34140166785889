#include "parallel/isolate/host.h"

#include <algorithm>

#include "parallel/isolate/cores.h"
#include "parallel/isolate/natives.h"
#include "parallel/isolate/placement.h"
#include "torch/bindings.h"

namespace eta::parallel {
namespace {

constexpr const char* kHost = "parallel.host";

}  // namespace

const HostOptions& HostOf(const Vm& vm) {
  static const HostOptions none = {.threads = 1, .devices = {Device{}}};
  const auto* host = vm.Attachment<HostOptions>(kHost);
  return host ? *host : none;
}

void PrepareVm(Vm& vm, const HostOptions& options, int rank, int size) {
  InstallParallelNatives(vm);
  auto own = std::make_shared<HostOptions>(options);
  if (own->threads <= 0) own->threads = CoresPerReplica(size);
  const auto index = static_cast<size_t>(rank - options.first_rank);
  const Device device = index < options.devices.size() ? options.devices[index] : Device{};
  own->devices = {device};
  own->first_rank = 0;
  vm.Attach(kHost, own);
  if (options.extension == nullptr) return;
  ExtensionLoader::Offer(options.extension, options.extension_names, vm);
  auto settings = std::make_shared<tensor::TensorSettings>();
  settings->rank = rank;
  settings->world_size = size;
  settings->threads = own->threads;
  settings->dtype = options.dtype;
  settings->shards = options.shards;
  settings->capture = options.capture;
  if (device != Device{}) settings->device = NameOf(device);
  vm.Attach(tensor::kTensorSettings, settings);
}

std::string CheckShards(int shards, int size) {
  if (shards == 0 || shards % size == 0) return "";
  std::string counts;
  for (int n = 1; n <= shards; ++n) {
    if (shards % n == 0) counts += (n == 1 ? "" : n == shards ? " or " : ", ") + std::to_string(n);
  }
  return "--deterministic needs " + counts + " replicas, not " + std::to_string(size);
}

Expected<std::shared_ptr<DeviceOps>, std::string> DeviceOpsFor(const HostOptions& options) {
  const bool on_cpu =
      std::all_of(options.devices.begin(), options.devices.end(),
                  [](const Device& device) { return device.kind == Device::Kind::kCpu; });
  if (on_cpu || options.extension == nullptr) return std::shared_ptr<DeviceOps>();
  return options.extension->MakeDeviceOps();
}

}  // namespace eta::parallel
