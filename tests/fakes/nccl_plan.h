// What is to go wrong in the fake NCCL, and when. Words, with spaces between:
//
//   version=21805        what ncclGetVersion says
//   delay=1:200          each collective of rank 1 takes 200 microseconds more
//   fail=1:3:2           collective 3 (from 0) of rank 1 returns code 2
//   async=1:3:6          it fails with code 6 after it was accepted; it never completes
//   hang=1:3             rank 1 never arrives at its collective 3
//   stuck=1:3            collective 3 of rank 1 is never accepted, only "in progress"
//   fail_start=1:2       rank 1's communicator comes to nothing, with code 2
//   hang_start=1         rank 1 never connects
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace eta::fake_nccl {

struct Plan {
  using Call = std::pair<int, int>;  // rank, number

  int version = 22809;
  std::map<int, int> delays;  // microseconds, by rank
  std::map<Call, int> failures, asynchronous;
  std::map<Call, bool> hangs, stuck;
  std::map<int, int> start_failures;
  std::map<int, bool> start_hangs;
};

// Nothing if the text is not as above.
std::optional<Plan> ParsePlan(const std::string& text);

}  // namespace eta::fake_nccl
