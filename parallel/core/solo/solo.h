// The backend of a world of one: nothing is exchanged, gathers and scatters are copies.
#pragma once

#include <memory>

#include "parallel/core/backends.h"

namespace eta::parallel {

Status SoloServes(const Places& places);
Result<std::unique_ptr<Communicator>> MakeSolo(Board& board, int rank, const Places& places);

}  // namespace eta::parallel
