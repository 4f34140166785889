// How a program is run: what the programs set up for a virtual machine, and etai's runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/expected.h"
#include "parallel/isolate/host.h"
#include "tools/options.h"
#include "vm/vm.h"

namespace eta {

// What a VM needs from the environment: its share of the memory (one of `vm_count`), the module
// path (`path`, or else ETA_MODULE_PATH), and ETA_HEAP_STRESS. Error: a variable makes no sense.
Expected<Vm::Options, std::string> VmOptionsFromEnvironment(const std::optional<std::string>& path,
                                                            int vm_count);

// What every program gets besides the VM's own builtins. Tensors have the type `dtype`, or float64
// if it is empty, and `threads` threads, or as many as there are cores if it is 0.
parallel::HostOptions Host(int threads = 0, const std::string& dtype = "");

// Runs the program with these options; yields the exit status. Failures are reported on stderr.
int RunProgram(const Options& options);

// To be called last, with the status that the process is to end with: what it ends with, which is
// no success if something of its output got lost, which is said on stderr.
int FinishOutput(int status);

// One error or warning of ours on stderr.
void PrintError(const std::string& message);
void PrintWarning(const std::string& message);

}  // namespace eta
