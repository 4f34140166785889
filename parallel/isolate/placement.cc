#include "parallel/isolate/placement.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

namespace eta::parallel {
namespace {

using Kind = DeviceChoice::Kind;

std::optional<int> GpuIndex(std::string_view name) {
  constexpr std::string_view kPrefix = "cuda:";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int index = -1;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, index);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == end;
  return whole && 0 <= index && index <= INT16_MAX ? std::optional(index) : std::nullopt;
}

std::string NoGpu(int index, int gpus) {
  return "there is no device cuda:" + std::to_string(index) + ": this machine has " +
         (gpus == 0   ? "no GPU that can be used"
          : gpus == 1 ? "one GPU"
                      : std::to_string(gpus) + " GPUs");
}

Device Gpu(int index) { return {Device::Kind::kCuda, static_cast<int16_t>(index)}; }

}  // namespace

Expected<DeviceChoice, std::string> ParseDeviceChoice(std::string_view text) {
  if (text == "auto") return DeviceChoice{};
  if (text == "cpu") return DeviceChoice{Kind::kCpu, {}};
  DeviceChoice choice{Kind::kGpus, {}};
  for (bool more = true; more;) {
    const size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    const auto index = GpuIndex(name);
    if (!index) {
      return Unexpected("expected auto, cpu or a list like cuda:0,cuda:2, not '" +
                        std::string(name) + "'");
    }
    if (std::count(choice.gpus.begin(), choice.gpus.end(), *index) > 0) {
      return Unexpected(std::string(name) +
                        " is listed twice; replicas share a device when there "
                        "are more of them than devices");
    }
    choice.gpus.push_back(*index);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return choice;
}

Expected<std::vector<Device>, std::string> PlaceReplicas(const DeviceChoice& choice, int replicas,
                                                         int gpus) {
  std::vector<int> chosen = choice.gpus;
  if (choice.kind == Kind::kAuto) {
    chosen.resize(static_cast<size_t>(gpus));
    std::iota(chosen.begin(), chosen.end(), 0);
  }
  for (int index : chosen) {
    if (index >= gpus) return Unexpected(NoGpu(index, gpus));
  }
  const auto count = static_cast<int>(chosen.size());
  if (replicas == 0) replicas = std::max(count, 1);
  std::vector<Device> devices(static_cast<size_t>(replicas));
  const int used = std::min(count, replicas);
  for (int r = 0; r < replicas && used > 0; ++r) {
    devices[static_cast<size_t>(r)] = Gpu(chosen[static_cast<size_t>(r * used / replicas)]);
  }
  return devices;
}

std::vector<Device> UnusedDevices(const DeviceChoice& choice, std::span<const Device> placed) {
  std::vector<Device> unused;
  for (int index : choice.gpus) {
    if (std::count(placed.begin(), placed.end(), Gpu(index)) == 0) unused.push_back(Gpu(index));
  }
  return unused;
}

std::string NameOf(Device device) {
  return device.kind == Device::Kind::kCpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

std::string PlacementText(int first, std::span<const Device> devices,
                          std::span<const std::string> gpus, int threads) {
  std::string text;
  for (size_t r = 0; r < devices.size(); ++r) {
    text += "replica " + std::to_string(first + static_cast<int>(r)) + "  " + NameOf(devices[r]);
    if (devices[r].kind == Device::Kind::kCuda) {
      text += "  " + gpus[static_cast<size_t>(devices[r].index)];
    }
    text += "  " + std::to_string(threads) + (threads == 1 ? " thread\n" : " threads\n");
  }
  return text;
}

}  // namespace eta::parallel
