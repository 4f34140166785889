#include "tools/run_plan.h"

#include <algorithm>
#include <utility>

#include "parallel/isolate/cores.h"
#include "parallel/isolate/extension_loader.h"
#include "parallel/isolate/gpus.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/placement.h"

namespace eta {
namespace {

using parallel::Device;
using parallel::DeviceChoice;

// The most replicas that --deterministic allows.
constexpr int kDeterministicShards = 8;

// Whether libtorch can use the GPUs that the driver knows of.
bool TensorsCanBeOnGpus() {
  const auto ops = parallel::ExtensionLoader(parallel::ExtensionPath()).MakeDeviceOps();
  return ops && *ops != nullptr;
}

// With --devices auto, one replica is on a GPU, and several are on the CPU, in whose memory they
// train.
Expected<std::vector<Device>, std::string> DevicesFor(const Options& options, int gpus) {
  if (options.devices.kind != DeviceChoice::Kind::kAuto) {
    return parallel::PlaceReplicas(options.devices, options.replicas, gpus);
  }
  const int replicas = std::max(options.replicas, 1);
  const bool on_gpu = replicas == 1 && gpus > 0 && TensorsCanBeOnGpus();
  return parallel::PlaceReplicas(options.devices, replicas, on_gpu ? gpus : 0);
}

// Results depend on it, so that a default must not depend on the machine if they are to be the
// same.
int ThreadsFor(const Options& options, int replicas) {
  if (options.threads > 0) return options.threads;
  return options.deterministic ? 1 : parallel::CoresPerReplica(replicas);
}

void BindCores(RunPlan* plan) {
  plan->cores = parallel::ShareCores(parallel::UsableCoresByNode(), plan->replicas());
  const bool fits = plan->replicas() <= parallel::UsableCores();
  if (fits && !plan->cores.empty()) return;
  plan->cores.clear();
  plan->warnings.push_back("--pin auto has no effect: there are more replicas than cores");
}

}  // namespace

Expected<RunPlan, std::string> PlanRun(const Options& options) {
  const bool asked = options.replicas_given || options.devices_given;
  const std::vector<std::string> gpus = asked && options.devices.kind != DeviceChoice::Kind::kCpu
                                            ? parallel::FindGpus()
                                            : std::vector<std::string>{};
  auto devices = DevicesFor(options, static_cast<int>(gpus.size()));
  if (!devices) return Unexpected("--devices: " + devices.error());
  RunPlan plan;
  plan.devices = std::move(*devices);
  plan.shards = options.deterministic ? kDeterministicShards : 0;
  std::string uneven = parallel::CheckShards(plan.shards, plan.replicas());
  if (!uneven.empty()) return Unexpected(std::move(uneven));
  plan.threads = ThreadsFor(options, plan.replicas());
  if (options.pin) BindCores(&plan);
  for (Device device : parallel::UnusedDevices(options.devices, plan.devices)) {
    plan.warnings.push_back("--devices: " + parallel::NameOf(device) +
                            " is not used: there are fewer replicas than devices");
  }
  if (options.replicas_given) {
    plan.placement = parallel::PlacementText(plan.devices, gpus, plan.threads);
  }
  return plan;
}

}  // namespace eta
