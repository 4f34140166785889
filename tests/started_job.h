// StartedJob: processes of a job that a test starts itself, with the environment that torchrun
// gives to them, so that the test has their numbers and nobody ends the others when one is killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/golden.h"
#include "tests/support/temporary_folder.h"

namespace eta {

// Of this machine; nobody listens there.
uint16_t FreePort();

class StartedJob {
 public:
  using Variables = std::map<std::string, std::string>;

  // Runs etai with each of these arguments, as a shell reads them; a process without any is left
  // out. `variables` come on top of torchrun's, and replace them. Data go over the fake NCCL.
  explicit StartedJob(const std::vector<std::string>& arguments, const Variables& variables = {});
  // Kills those that still run.
  ~StartedJob();
  StartedJob(const StartedJob&) = delete;
  StartedJob& operator=(const StartedJob&) = delete;

  // Whether all processes write it to stderr within a while.
  bool AllSay(const std::string& text) const;
  void Signal(size_t process, int signal) const;
  // How the process ended; without the lines that say where replicas run.
  Outcome Wait(size_t process);
  // All of them, in their order.
  std::vector<Outcome> WaitForAll();

 private:
  struct Process {
    pid_t pid;  // 0: it has been waited for, or was never started
    std::string out, err;
  };

  TemporaryFolder folder_;
  std::vector<Process> processes_;
};

}  // namespace eta
