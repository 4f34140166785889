#include "parallel/isolate/launcher.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <utility>

#include "base/random_seed.h"
#include "parallel/isolate/isolate_group.h"
#include "vm/diagnostics.h"

namespace eta::parallel {

int RunReplicas(const ReplicaOptions& options) {
  SharedStreams streams(stdout, stderr, STDIN_FILENO);
  const DiagnosticStyle style = {.color = WantsColor(STDERR_FILENO)};
  auto device_ops = DeviceOpsFor(options.host);
  if (!device_ops) {
    streams.WriteError(RenderMessage("error", device_ops.error(), style));
    return 1;
  }
  GroupOptions group;
  group.size = options.replicas;
  group.link = options.link;
  group.devices = options.host.devices;
  group.device_ops = *device_ops;
  group.cores = options.cores;
  group.launch = options.launch;
  group.show_backend = options.show_backend;
  group.stats_follow = options.stats_follow;
  group.backend = options.host.backend;
  group.output = options.output;
  group.stall_timeout = options.stall_timeout;
  group.journal = options.journal;
  group.interruption = options.interruption;
  group.before_exit = options.before_exit;
  group.color = style.color;
  // One seed for all, so that maps are walked in the same order on all ranks.
  const uint64_t seed = options.link ? options.link->seed() : RandomSeed();
  const int world_size = options.link ? options.link->seats().size : options.replicas;
  group.vm_options = [&options, seed](int rank) {
    Vm::Options vm = options.vm_options(rank);
    vm.heap.hash_seed = seed;
    return vm;
  };
  group.prepare = [&options, world_size](Vm& vm, int rank) {
    PrepareVm(vm, options.host, rank, world_size);
  };
  const auto program = [&options](Vm& vm) {
    return options.text ? vm.RunText(*options.text, options.file) : vm.RunFile(options.file);
  };
  const IsolateGroup::Outcome outcome = IsolateGroup(std::move(group), streams).Run(program);
  streams.WriteError(outcome.diagnostic);
  return outcome.exit_code;
}

}  // namespace eta::parallel
