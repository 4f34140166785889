// What ranks of other processes open in a meeting. Their StepMemory cannot be reached; so where the
// ranks' differ in what others look at, all of them send each other theirs, and each keeps copies
// of those that are elsewhere. Pointers to a rank's tensors do not go along.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/world.h"
#include "parallel/training/step_record.h"

namespace eta::parallel {

class RemoteMemory {
 public:
  // What of `own` others look at when all goes well, for StepRecord::shown: where it is the same on
  // all ranks nobody needs to send it.
  static uint64_t HashOfShown(const StepMemory& own);

  // After the records have come, which all ranks call it with: makes the memory of each that is of
  // a rank elsewhere one of this process. Not ok: the world is over.
  Status Fetch(Member& member, const StepMemory& own, std::span<StepRecord> records, Site site);

 private:
  Status Exchange(Member& member, const StepMemory& own, std::span<StepRecord> records, Site site);

  std::vector<StepMemory> copies_;  // by rank
};

}  // namespace eta::parallel
