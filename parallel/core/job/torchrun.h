// What torchrun, and those that set the same variables, tell a process about its job.
#pragma once

#include <cstdint>
#include <string>

#include "parallel/core/job/launcher.h"
#include "parallel/core/status.h"

namespace eta::parallel {

struct TorchrunJob {
  int process = 0;                    // RANK
  int processes = 1;                  // WORLD_SIZE
  std::string address;                // MASTER_ADDR: where the job's store is
  uint16_t port = 0;                  // MASTER_PORT
  bool launcher_keeps_store = false;  // otherwise process 0 does
  std::string run;  // differs from other runs that use the same store, as after a restart

  bool keeps_store() const { return process == 0 && !launcher_keeps_store; }
};

// Of a job of one process only that it is one. Error: the variable that is missing or wrong.
Result<TorchrunJob> ReadTorchrunJob(const Environment& environment);

}  // namespace eta::parallel
