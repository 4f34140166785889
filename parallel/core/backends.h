// The backends there are. To add one: a folder, and a row in backends.cc.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "parallel/core/board.h"
#include "parallel/core/communicator.h"
#include "parallel/core/device_ops.h"
#include "parallel/core/link/link.h"

namespace eta::parallel {

// What a backend makes the communicators of a world from.
struct Places {
  std::span<const Device> devices;  // one per rank of this process, the first of which is `first`
  DeviceOps* ops = nullptr;         // for those that are not the CPU; null: there are none
  Link* link = nullptr;             // to other processes; null: all ranks are here
  int first = 0;

  const Device& DeviceOf(int rank) const { return devices[static_cast<size_t>(rank - first)]; }
};

struct Backend {
  const char* name;
  // Ok if it can serve these ranks; else kInvalid with the reason, or without one.
  Status (*serves)(const Places& places);
  // Makes the end of one rank; called on that rank's thread, by all ranks at the same time. The
  // board, and what the places refer to, outlive the communicator.
  Result<std::unique_ptr<Communicator>> (*make)(Board& board, int rank, const Places& places);
  // What the user should know about a world that uses it, in one line; or empty. May be null.
  std::string (*notice)(const Places& places);
  // What it exchanges data with, and of which version: "NCCL 2.28.9". May be null.
  std::string (*about)(const Places& places);
};

// In order of preference.
std::span<const Backend> Backends();

// The first one that serves if `name` is "auto", else the one of that name. kInvalid if there is no
// such backend or it cannot serve these places.
Result<const Backend*> ChooseBackend(std::string_view name, const Places& places);

}  // namespace eta::parallel
