// The backends there are. To add one: a folder, and a row in backends.cc.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "parallel/core/board.h"
#include "parallel/core/communicator.h"

namespace eta::parallel {

struct Backend {
  const char* name;
  // Whether it can serve one rank on each of these devices.
  bool (*available)(std::span<const Device> devices);
  // Makes the end of one rank; called on that rank's thread, by all ranks at the same time. The
  // board outlives the communicator.
  Result<std::unique_ptr<Communicator>> (*make)(Board& board, int rank, Device device);
};

// In order of preference.
std::span<const Backend> Backends();

// The first available one if `name` is "auto", else the one of that name. kInvalid if there is no
// such backend or it cannot serve these devices.
Result<const Backend*> ChooseBackend(std::string_view name, std::span<const Device> devices);

}  // namespace eta::parallel
