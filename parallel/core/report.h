// The messages about a world that does not go on, made from views of its ranks. Pure functions.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/board.h"
#include "parallel/core/status.h"

namespace eta::parallel {

// kDesync if the ranks' signatures do not all agree: "rank 0 is in all-reduce of 10 float64 at
// a.eta:3:1, ranks 1 and 2 in barrier at a.eta:9:1". The rank at fault is the one that is alone
// against several others, if there is one.
Status DesyncStatus(std::span<const RankView> ranks);

// kPeerFailed: "rank 1 failed at a.eta:12:3: MESSAGE", what the other ranks get to read.
Status FailureStatus(int rank, Site place, const std::string& message);

// kPeerFailed: `leaver` has left, and `waiter` waits for it in vain.
Status DepartureStatus(std::span<const RankView> ranks, int leaver, int waiter);

// kDesync: all ranks have left in peace, but with different exit codes.
Status ExitCodesStatus(std::span<const RankView> ranks);

// kStalled: `waiter` waited for `time` and ranks are missing; one line per rank follows.
Status StallStatus(std::span<const RankView> ranks, int waiter, std::chrono::nanoseconds time);

// kStalled: the process of `lost` has been silent for too long, and nobody waits.
Status SilenceStatus(std::span<const RankView> ranks, int lost);

// As StallStatus in one line, for the warning.
std::string StallWarning(std::span<const RankView> ranks, int waiter,
                         std::chrono::nanoseconds time);

// The ranks that have not reached the collective in which `waiter` waits, or are silent; empty if
// all others are in it.
std::vector<int> MissingRanks(std::span<const RankView> ranks, int waiter);

// "rank 1: running, step 3, at a.eta:9:1, last collective all-reduce of 10 float64 at a.eta:3:1"
std::string DescribeRank(int rank, const RankView& view);

// "rank 1", "ranks 1 and 2", "ranks 0, 2 and 5".
std::string ListRanks(std::span<const int> ranks);

}  // namespace eta::parallel
