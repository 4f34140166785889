// What a run has spent its time on, by rank, from the ranks' logs; and the texts that show it.
//
// Thread safety: any thread, while the ranks run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/phase_log.h"

namespace eta::parallel {

// Times in seconds since the rank's start.
struct RankStats {
  uint64_t steps = 0;
  uint64_t replays = 0;   // of these steps
  uint64_t launches = 0;  // of these, as graphs of a device
  double elapsed = 0;
  double forward = 0, backward = 0, update = 0;
  double reduce = 0;
  double beside = 0;   // the part of `reduce` that went on beside the rank's own work
  double wait = 0;     // for other ranks
  uint64_t bytes = 0;  // reduced, or received from others
  double overlap = 0;  // the share of `reduce` that went on beside the rank's own computing, 0 to 1

  double compute() const { return forward + backward + update; }
  // What the program does between.
  double other() const;
};

// `now_ns`: PhaseClock().
RankStats StatsOf(const PhaseLog& log, int64_t now_ns);
std::vector<RankStats> StatsOf(const Journal& journal, int64_t now_ns);

// The ranks in the order in which the others wait for them, which shows as the least waiting of
// their own: the first one holds the others up.
std::vector<int> Stragglers(std::span<const RankStats> stats);

// One line per rank, from rank `first` on; one about stragglers and, if steps were replayed, one
// about these; all with newlines.
std::string StatsTable(std::span<const RankStats> stats, int first = 0);
std::string StatsTable(const Journal& journal, int64_t now_ns);

// What each rank does now and did last: one line per rank.
std::string BlackBoxText(const Journal& journal, int64_t now_ns);

}  // namespace eta::parallel
