// RunPlan: where the replicas of a run that are in this process are: devices, cores, threads.
#pragma once

#include <string>
#include <vector>

#include "base/expected.h"
#include "parallel/core/buffer.h"
#include "parallel/core/link/link.h"
#include "parallel/isolate/core_sets.h"
#include "tools/options.h"

namespace eta {

struct RunPlan {
  std::vector<parallel::Device> devices;  // by rank; their number is that of the replicas
  std::vector<parallel::CoreSet> cores;   // by rank, or empty: nobody is bound
  int shards = 0;                         // HostOptions::shards
  std::vector<std::string> gpus;          // names of those that there are
  int threads = 1;                        // of each replica's tensor operations
  std::string placement;                  // what to show on stderr, if --replicas was given
  std::vector<std::string> warnings;

  int replicas() const { return static_cast<int>(devices.size()); }
};

// All that does not depend on other processes: how many devices, and shards. Looks for GPUs only if
// --replicas or --devices was given; otherwise all is on the CPU. Error: one sentence.
Expected<RunPlan, std::string> PlanRun(const Options& options);

// The rest, and which GPUs of those that the processes of this machine share are for this one.
// `link` is to the other processes of the run; null: there are none. Error: one sentence.
Expected<Ok, std::string> Settle(const Options& options, parallel::Link* link, RunPlan* plan);

}  // namespace eta
