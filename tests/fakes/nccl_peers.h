// What ranks of the fake NCCL send to single others, over the memory that they share.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "parallel/core/nccl/abi.h"
#include "tests/fakes/nccl_area.h"

namespace eta::fake_nccl {

// Carries out the sends and receives of one group, which all go on at the same time; between two
// ranks they go one after the other. kInvalidUsage if a rank receives something else than the other
// one sends, with both in `*error`; kInternalError if `over` became true.
parallel::nccl::Answer ExchangeWithPeers(Area& area, int rank, int size,
                                         std::span<const Operation> operations,
                                         const std::function<bool()>& over, std::string* error);

}  // namespace eta::fake_nccl
