// Processes of a job that are all in the test's own process: their transports hand each other bytes
// through memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "parallel/core/link/link.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

class LoopbackHub;

class LoopbackJob {
 public:
  // On machines of these names; on one if there are none.
  explicit LoopbackJob(int processes, std::vector<std::string> hosts = {});

  // Once for each process. The job may go first.
  std::unique_ptr<Transport> Connect(int process);
  // As when the process is stopped: it sends and receives no letters from now on.
  void Silence(int process);

 private:
  const std::shared_ptr<LoopbackHub> hub_;
  const std::vector<std::string> hosts_;
};

// Calls `body` for each process, on a thread of its own, with its link to the others.
void RunProcesses(LoopbackJob& job, const std::vector<Link::Introduction>& introductions,
                  const std::function<void(size_t process, Result<std::shared_ptr<Link>>)>& body);

}  // namespace eta::parallel
