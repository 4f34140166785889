// Placement: how many replicas there are, and the device of each. Pure functions of what was asked
// for and what there is.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"
#include "parallel/core/buffer.h"

namespace eta::parallel {

// What --devices says.
struct DeviceChoice {
  enum class Kind { kAuto, kCpu, kGpus };
  Kind kind = Kind::kAuto;  // GPUs if there are some, else the CPU
  std::vector<int> gpus;    // of kGpus: at least one, none twice

  friend bool operator==(const DeviceChoice&, const DeviceChoice&) = default;
};

// "auto", "cpu", or a list "cuda:0,cuda:2". Error: what is wrong with it.
Expected<DeviceChoice, std::string> ParseDeviceChoice(std::string_view text);

// The device of each replica. `replicas` is 0 for one per GPU, or 1 without GPUs; several replicas
// share a GPU evenly, those with neighbouring ranks. `gpus`: how many the machine has. Error: there
// is no such device.
Expected<std::vector<Device>, std::string> PlaceReplicas(const DeviceChoice& choice, int replicas,
                                                         int gpus);

// The devices that were chosen by name and are not needed.
std::vector<Device> UnusedDevices(const DeviceChoice& choice, std::span<const Device> placed);

// "cpu", "cuda:1".
std::string NameOf(Device device);

// One line per replica, from `first` on: "replica 0  cuda:0  NVIDIA H100  8 threads". `gpus`: the
// names by index.
std::string PlacementText(int first, std::span<const Device> devices,
                          std::span<const std::string> gpus, int threads);

}  // namespace eta::parallel
