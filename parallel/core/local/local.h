// The reference backend: ranks are threads of one process and share the CPU's memory.
//
// Each rank owns a slice of the buffer, sums the ranks' values in the order 0..n-1 in blocks of
// 16 KB, and writes the result to everybody. The result is therefore the same to the bit on all
// ranks and in each run, and does not depend on timing. Other backends are tested against it.
#pragma once

#include <memory>

#include "parallel/core/backends.h"

namespace eta::parallel {

Status LocalServes(const Places& places);
Result<std::unique_ptr<Communicator>> MakeLocal(Board& board, int rank, const Places& places);

}  // namespace eta::parallel
