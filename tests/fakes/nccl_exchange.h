// The collectives of the fake NCCL, over the memory that its ranks share.
#pragma once

#include <functional>
#include <string>

#include "parallel/core/nccl/abi.h"
#include "tests/fakes/nccl_area.h"

namespace eta::fake_nccl {

// Carries out this rank's part of `operation`, a collective, which all ranks call. kInvalidUsage if
// they do not all call the same one, with what they call in `*error`; kInternalError if `over`
// became true.
parallel::nccl::Answer Exchange(Area& area, int rank, int size, const Operation& operation,
                                const std::function<bool()>& over, std::string* error);

// 0 for types that the fake does not know.
size_t SizeOfType(int type);

}  // namespace eta::fake_nccl
