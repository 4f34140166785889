// What every program gets from its host beyond the Vm's own builtins, alone or as one of several
// replicas: the natives of std.parallel, and tensors once it uses them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"
#include "parallel/core/buffer.h"
#include "parallel/core/device_ops.h"
#include "parallel/isolate/extension_loader.h"
#include "vm/vm.h"

namespace eta::parallel {

struct HostOptions {
  // The tensor extension and the names of its builtins. Null: there are no tensors.
  std::shared_ptr<ExtensionLoader> extension;
  std::span<const std::string_view> extension_names;  // static storage

  int threads = 0;    // of each replica's tensor operations; 0: its share of the usable cores
  std::string dtype;  // of tensors; empty: float64
  // Where tensors are made, by rank from `first_rank` on; those without an entry: the CPU.
  std::vector<Device> devices;
  int first_rank = 0;
  std::string backend = "auto";  // by which replicas exchange data; see parallel/core/backends.h
  // Not 0: each batch is computed in so many shards, dealt to the replicas, whatever their number,
  // so that results are the same to the bit. See CheckShards.
  int shards = 0;
  bool capture = true;  // training steps that repeat are replayed
  int depth = 0;  // how many programs wait for this one; see parallel/isolate/child_programs.h
};

// Before the program runs. A program that runs alone is rank 0 of 1.
void PrepareVm(Vm& vm, const HostOptions& options, int rank = 0, int size = 1);

// A sentence that says what is wrong if the shards cannot be dealt evenly to `size` replicas.
std::string CheckShards(int shards, int size);

// What a world of replicas on `options.devices` needs; null if all are on the CPU.
Expected<std::shared_ptr<DeviceOps>, std::string> DeviceOpsFor(const HostOptions& options);

// What a program was prepared with: the number of threads is what it may use in all, and the only
// device is its own. With that it may start programs of its own.
const HostOptions& HostOf(const Vm& vm);

}  // namespace eta::parallel
