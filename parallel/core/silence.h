// Silence: how long a process may be unheard of before it counts as lost. All who judge that ask
// here: Watch about the ranks of other processes, a transport about what it goes through, a world
// about those that do not come to its end.
//
// What follows takes its time, too: the ranks notice the abort, or are left behind a second later
// (SupervisorOptions::abort_deadline), the other processes hear of it, and the process ends. So
// that all of that is over within the stall time, silence is judged earlier, by the reserve.
#pragma once

#include <algorithm>
#include <chrono>

namespace eta::parallel {

// Each process writes to all others at least this often, also while its ranks compute.
inline constexpr std::chrono::milliseconds kHeartbeat{100};

inline std::chrono::nanoseconds SilenceLimit(std::chrono::nanoseconds stall_timeout) {
  constexpr std::chrono::nanoseconds kReserve = std::chrono::seconds(2);
  // A few heartbeats may be late on a busy machine. With a stall time shorter than that there is
  // no reserve.
  constexpr std::chrono::nanoseconds kShortest = 5 * kHeartbeat;
  return std::max(stall_timeout - std::min(stall_timeout / 2, kReserve),
                  std::min(stall_timeout, kShortest));
}

}  // namespace eta::parallel
