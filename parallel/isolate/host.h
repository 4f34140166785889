// What every program gets from its host beyond the Vm's own builtins, alone or as one of several
// replicas: the natives of std.parallel, and tensors once it uses them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/isolate/extension_loader.h"
#include "vm/vm.h"

namespace eta::parallel {

struct HostOptions {
  // The tensor extension and the names of its builtins. Null: there are no tensors.
  std::shared_ptr<ExtensionLoader> extension;
  std::span<const std::string_view> extension_names;  // static storage

  int threads = 0;    // of each replica's tensor operations; 0: its share of the usable cores
  std::string dtype;  // of tensors; empty: float64
  // Where each replica's tensors are made, "cuda:0"; those without an entry: on the CPU.
  std::vector<std::string> devices;
};

// Before the program runs. A program that runs alone is rank 0 of 1.
void PrepareVm(Vm& vm, const HostOptions& options, int rank = 0, int size = 1);

}  // namespace eta::parallel
