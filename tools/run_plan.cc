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

// The ranks of one machine: how many there are, and how many of them come before ours.
struct Neighbours {
  int all = 0, before = 0;
};

Neighbours NeighboursOf(parallel::Link& link) {
  Neighbours ranks;
  for (int p = 0; p < link.processes(); ++p) {
    if (link.transport().host(p) != link.transport().host(link.process())) continue;
    const int count = link.ranks()[static_cast<size_t>(p)];
    ranks.all += count;
    if (p < link.process()) ranks.before += count;
  }
  return ranks;
}

// Processes of one machine have its GPUs together, as the replicas of one process would.
Expected<Ok, std::string> DealGpus(const Options& options, parallel::Link& link, RunPlan* plan) {
  if (plan->devices[0].kind == Device::Kind::kCpu) return Ok{};
  const Neighbours ranks = NeighboursOf(link);
  const auto dealt =
      parallel::PlaceReplicas(options.devices, ranks.all, static_cast<int>(plan->gpus.size()));
  if (!dealt) return Unexpected("--devices: " + dealt.error());
  std::copy_n(dealt->begin() + ranks.before, plan->devices.size(), plan->devices.begin());
  return Ok{};
}

void WarnOfUnusedDevices(const Options& options, const parallel::Link* link, RunPlan* plan) {
  if (link != nullptr) return;  // others may use them
  for (Device device : parallel::UnusedDevices(options.devices, plan->devices)) {
    plan->warnings.push_back("--devices: " + parallel::NameOf(device) +
                             " is not used: there are fewer replicas than devices");
  }
}

// Results depend on it, so that a default must not depend on the machine if they are to be the
// same.
int ThreadsFor(const Options& options, int replicas) {
  if (options.threads > 0) return options.threads;
  return options.deterministic ? 1 : parallel::CoresPerReplica(replicas);
}

// `on_cores`: replicas that share the cores, also those of other processes.
void BindCores(int on_cores, RunPlan* plan) {
  if (on_cores > plan->replicas()) {
    plan->warnings.push_back(
        "--pin auto has no effect: other processes use the same cores; let "
        "their launcher bind them");
    return;
  }
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
  plan.gpus = gpus;
  plan.shards = options.deterministic ? kDeterministicShards : 0;
  return plan;
}

Expected<Ok, std::string> Settle(const Options& options, parallel::Link* link, RunPlan* plan) {
  const int first = link ? link->seats().first : 0;
  const int all = link ? link->seats().size : plan->replicas();
  std::string uneven = parallel::CheckShards(plan->shards, all);
  if (!uneven.empty()) return Unexpected(std::move(uneven));
  if (link) {
    auto dealt = DealGpus(options, *link, plan);
    if (!dealt) return dealt;
  }
  WarnOfUnusedDevices(options, link, plan);
  const int on_cores = link ? link->ranks_on_cores() : plan->replicas();
  plan->threads = ThreadsFor(options, on_cores);
  if (options.pin) BindCores(on_cores, plan);
  if (options.replicas_given) {
    plan->placement = parallel::PlacementText(first, plan->devices, plan->gpus, plan->threads);
  }
  return Ok{};
}

}  // namespace eta
