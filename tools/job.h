// Job: the processes that a launcher such as mpirun has started to run one program together.
#pragma once

#include <memory>
#include <string>

#include "base/expected.h"
#include "parallel/core/link/link.h"
#include "tools/options.h"

namespace eta {

// Ties this process, with its `replicas`, to the others of its job; null if it was started alone.
// Waits for all of them. Error: why that is not possible, one sentence.
Expected<std::shared_ptr<parallel::Link>, std::string> JoinJob(const Options& options,
                                                               int replicas);

}  // namespace eta
