// The roll call: how the processes of a job learn that all have come, and where they are.
#pragma once

#include <string>
#include <vector>

#include "parallel/core/job/torchrun.h"
#include "parallel/core/status.h"
#include "parallel/core/store/store.h"
#include "parallel/core/work.h"

namespace eta::parallel {

// The machine of each process; all call it. `prefix` is of the keys that it makes. kStalled with
// the processes that have not come until the deadline, kDesync if some have another idea of how
// many there are, kInvalid if this one's number is taken.
Result<std::vector<std::string>> CallRoll(Store& store, const TorchrunJob& job,
                                          const std::string& prefix, Deadline deadline);

}  // namespace eta::parallel
