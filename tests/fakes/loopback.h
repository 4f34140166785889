// Processes of a job that are all in the test's own process: their transports hand each other bytes
// through memory.
#pragma once

#include <memory>

#include "parallel/core/transport.h"

namespace eta::parallel {

class LoopbackHub;

class LoopbackJob {
 public:
  explicit LoopbackJob(int processes);

  // Once for each process. The job may go first.
  std::unique_ptr<Transport> Connect(int process);
  // As when the process is stopped: it sends and receives no letters from now on.
  void Silence(int process);

 private:
  const std::shared_ptr<LoopbackHub> hub_;
};

}  // namespace eta::parallel
