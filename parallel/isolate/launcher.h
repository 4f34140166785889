// Runs a program file on replicas in this process: what `etai --replicas N` does, alone or as one
// of the processes of a job.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/core/buffer.h"
#include "parallel/core/phase_log.h"
#include "parallel/isolate/core_sets.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/interruption.h"
#include "parallel/isolate/rank_console.h"
#include "parallel/isolate/rank_context.h"
#include "vm/vm.h"

namespace eta::parallel {

struct ReplicaOptions {
  int replicas = 2;            // of this process
  std::shared_ptr<Link> link;  // to the processes with the others; null: there are none
  std::vector<CoreSet> cores;  // see GroupOptions, also for what has no comment here
  std::string file;
  std::optional<std::string> text;  // of the program, if `file` is only its name
  OutputMode output = OutputMode::kFirst;
  bool show_backend = false;
  bool stats_follow = false;
  LaunchOptions launch;
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds(30);
  HostOptions host;
  // See GroupOptions.
  std::shared_ptr<Journal> journal;
  Interruption* interruption = nullptr;
  std::function<void()> before_exit = [] {};
  // The options of a replica's Vm: its share of the memory, search path, arguments; all but the
  // console and the hash seed. Called on the replicas' threads.
  std::function<Vm::Options(int rank)> vm_options = [](int) { return Vm::Options{}; };
};

// The process's exit status. Failures are reported on stderr.
int RunReplicas(const ReplicaOptions& options);

}  // namespace eta::parallel
