// The backend of a world of one: nothing is exchanged, gathers and scatters are copies.
#pragma once

#include <memory>
#include <span>

#include "parallel/core/board.h"
#include "parallel/core/communicator.h"

namespace eta::parallel {

bool SoloAvailable(std::span<const Device> devices);
Result<std::unique_ptr<Communicator>> MakeSolo(Board& board, int rank, Device device);

}  // namespace eta::parallel
