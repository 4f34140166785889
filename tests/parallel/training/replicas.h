// Runs Eta programs on replicas, for tests: ranks are plain threads of this process. With
// REPLICA_PROCESSES=2 in the environment they are those of two processes of a job, which are not
// real either. With the backend mpi these are on a machine each.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "parallel/core/phase_log.h"
#include "parallel/isolate/rank_context.h"

namespace eta::parallel {

struct ReplicaOptions {
  LaunchOptions launch;
  std::string backend = "auto";
  int cores = 0;        // WorldOptions::cores
  int shards = 0;       // HostOptions::shards
  bool capture = true;  // HostOptions::capture
  // How many ranks are on each of some devices that stand in for GPUs: their tensors travel as
  // those of such a device. Empty: all ranks are on the CPU.
  std::vector<int> gpus = {};
  std::string device = "";  // where libtorch has the tensors, "host"; empty: the CPU
  std::chrono::milliseconds stall_timeout = std::chrono::seconds(20);
};

// How the program went on one rank.
struct ReplicaResult {
  std::string output;               // what it wrote
  std::string complaints;           // what it wrote to the standard error
  std::string error;                // "TAG: MESSAGE" if it ended so
  std::string place;                // where that was, or empty
  uint64_t meetings = 0;            // how often it met the others
  std::vector<PhaseRecord> phases;  // what it did last, in a world
};

// A kind of place where replicas run, for suites over several.
struct ReplicaSetting {
  const char* name;
  const char* backend = "auto";
  int per_gpu = 0;  // replicas that share each GPU; 0: they are on the CPU

  ReplicaOptions OptionsFor(int ranks) const;
};
// One GPU each (nccl); two on each, or all on one (gpu-groups).
inline constexpr ReplicaSetting kGpuSettings[] = {{.name = "gpus", .per_gpu = 1},
                                                  {.name = "shared_gpus", .per_gpu = 2},
                                                  {.name = "one_gpu", .per_gpu = 8}};

// The program sees its rank as the variable `rank`, and is called train.eta. With one rank it runs
// alone, without a world, unless there are shards.
std::vector<ReplicaResult> RunReplicas(int ranks, const std::string& program,
                                       const ReplicaOptions& options = {});

// The output of a run that must succeed and write the same on all ranks.
std::string OutputOf(int ranks, const std::string& program, const ReplicaOptions& options = {});

// The numbers in a text.
std::vector<double> NumbersIn(const std::string& text);

// Expects the same numbers, up to this relative error.
void ExpectClose(const std::string& expected, const std::string& actual, double tolerance);

}  // namespace eta::parallel
