#include "parallel/core/watch.h"

#include <algorithm>

#include "parallel/core/report.h"

namespace eta::parallel {

int FirstLost(std::span<const RankView> ranks) {
  const auto has_left = [](const RankView& view) { return HasLeft(view.state); };
  if (std::all_of(ranks.begin(), ranks.end(), has_left)) return -1;
  std::chrono::nanoseconds time{0};
  for (const RankView& view : ranks) time = std::max(time, view.stall_timeout);
  for (size_t r = 0; r < ranks.size(); ++r) {
    const auto limit = HasStarted(ranks[r].state) ? SilenceLimit(time) : time;
    if (ranks[r].silence >= limit) return static_cast<int>(r);
  }
  return -1;
}

Watch::Watch(const Board& board) : board_(board), waits_(static_cast<size_t>(board.size())) {}

Watch::Verdict Watch::Look(Deadline now) {
  Verdict verdict;
  const std::vector<RankView> ranks = board_.ViewAll();
  Remember(ranks, now);
  verdict.abort = FindDeparture(ranks);
  if (!verdict.abort) verdict.abort = FindLoss(ranks, now);
  const int waiter = Foremost(ranks);
  if (!verdict.abort && waiter >= 0) JudgeWait(ranks, waiter, now, verdict);
  return verdict;
}

void Watch::Remember(const std::vector<RankView>& ranks, Deadline now) {
  for (size_t r = 0; r < ranks.size(); ++r) {
    Wait& wait = waits_[r];
    const bool waiting = ranks[r].state == RankState::kWaiting && !ranks[r].silent();
    if (waiting && wait.active && wait.sequence == ranks[r].sequence) continue;
    wait = {ranks[r].sequence, now, waiting, false};
  }
}

std::optional<Status> Watch::FindDeparture(const std::vector<RankView>& ranks) const {
  const int waiter = Foremost(ranks);
  if (waiter < 0) return std::nullopt;
  for (int missing : MissingRanks(ranks, waiter)) {
    if (HasLeft(ranks[missing].state)) return DepartureStatus(ranks, missing, waiter);
  }
  return std::nullopt;
}

std::optional<Status> Watch::FindLoss(const std::vector<RankView>& ranks, Deadline now) const {
  const int lost = FirstLost(ranks);
  if (lost < 0) return std::nullopt;
  const int waiter = Foremost(ranks);
  if (waiter < 0) return SilenceStatus(ranks, lost);
  return StallStatus(ranks, waiter, now - waits_[waiter].since);
}

int Watch::Foremost(const std::vector<RankView>& ranks) const {
  int foremost = -1;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (!waits_[r].active) continue;
    if (foremost < 0 || waits_[r].sequence > waits_[foremost].sequence) {
      foremost = static_cast<int>(r);
    }
  }
  return foremost;
}

void Watch::JudgeWait(const std::vector<RankView>& ranks, int waiter, Deadline now,
                      Verdict& verdict) {
  Wait& wait = waits_[waiter];
  const std::vector<int> missing = MissingRanks(ranks, waiter);
  // A rank that asked for more time gets it from those who wait for it.
  std::chrono::nanoseconds limit = ranks[waiter].stall_timeout;
  for (int r : missing) limit = std::max(limit, ranks[r].stall_timeout);
  const std::chrono::nanoseconds time = now - wait.since;
  if (time >= limit) {
    verdict.abort = StallStatus(ranks, waiter, time);
    return;
  }
  if (time >= limit / 6) verdict.ask_place = missing;  // so that a warning can name the place
  if (time >= limit / 3 && !wait.warned && board_.seats().Has(waiter)) {
    wait.warned = true;
    verdict.warning = StallWarning(ranks, waiter, time);
  }
}

}  // namespace eta::parallel
