#include "parallel/core/report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace eta::parallel {
namespace {

std::string At(Site place) { return place.empty() ? "" : " at " + std::string(place); }

std::string Rank(int rank) { return "rank " + std::to_string(rank); }

std::string Seconds(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g s", std::chrono::duration<double>(time).count());
  return text;
}

// "all-reduce of 10 float64 at a.eta:3:1"
std::string Collective(const RankView& view) { return Describe(view.signature) + At(view.site); }

// The last place in its script that a rank is known to have been at.
const std::string& LastPlace(const RankView& view) {
  return view.place.empty() ? view.site : view.place;
}

// "process 1 on node7 has not been heard of for 12 s"
std::string SilenceOf(const RankView& view) {
  return view.process + " has not been heard of for " + Seconds(view.silence);
}

std::string Silence(const RankView& view) { return view.silent() ? ", " + SilenceOf(view) : ""; }

std::string StateText(const RankView& view) {
  switch (view.state) {
    case RankState::kAbsent:
      return "has not started";
    case RankState::kRunning:
      return "running";
    case RankState::kWaiting:
      return "waiting";
    case RankState::kReturned:
      return "returned";
    case RankState::kExited:
      return "exited with " + std::to_string(view.exit_code);
    case RankState::kFailed:
      return "failed";
  }
  return "?";
}

// The rank that agrees with nobody while all others agree with each other, or -1.
int OddRank(std::span<const RankView> ranks) {
  if (ranks.size() < 3) return -1;
  const auto agreeing = [&](const RankView& one) {
    return std::count_if(ranks.begin(), ranks.end(), [&](const RankView& other) {
      return Agree(one.signature, other.signature);
    });
  };
  const auto all_but_one = static_cast<std::ptrdiff_t>(ranks.size()) - 1;
  int odd = -1;
  std::ptrdiff_t together = 0;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const auto n = agreeing(ranks[r]);
    if (n == 1) odd = static_cast<int>(r);
    together = std::max(together, n);
  }
  return together == all_but_one ? odd : -1;
}

}  // namespace

std::string ListRanks(std::span<const int> ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0) text += i + 1 == ranks.size() ? " and " : ", ";
    text += std::to_string(ranks[i]);
  }
  return text;
}

std::string DescribeRank(int rank, const RankView& view) {
  std::string text = Rank(rank) + ": " + StateText(view);
  if (view.step > 0) text += " in step " + std::to_string(view.step);
  text += At(view.place);
  if (view.state == RankState::kWaiting) {
    text += " in " + Collective(view);
  } else if (view.sequence > 0) {
    text += ", last collective " + Collective(view);
  }
  return text + Silence(view);
}

namespace {

// A line for each of them, each after a line break.
std::string DescribeAll(std::span<const RankView> ranks) {
  std::string text;
  for (size_t r = 0; r < ranks.size(); ++r) {
    text += "\n  " + DescribeRank(static_cast<int>(r), ranks[r]);
  }
  return text;
}

}  // namespace

Status DesyncStatus(std::span<const RankView> ranks) {
  // Ranks in the same call are named together, in the order of the first of them.
  std::vector<std::pair<std::string, std::vector<int>>> groups;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const std::string call = Collective(ranks[r]);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& candidate) { return candidate.first == call; });
    if (group == groups.end()) group = groups.insert(group, {call, {}});
    group->second.push_back(static_cast<int>(r));
  }
  std::string message;
  for (const auto& [call, members] : groups) {
    const char* verb = members.size() == 1 ? " is in " : " are in ";
    message += (message.empty() ? "" : ", ") + ListRanks(members);
    message += (message.find(" in ") == std::string::npos ? verb : " in ") + call;
  }
  const bool only_parts_differ = std::all_of(ranks.begin(), ranks.end(), [&](const RankView& view) {
    return Describe(view.signature) == Describe(ranks[0].signature);
  });
  if (only_parts_differ) message += "; the counts that they give for each rank differ";
  return {Code::kDesync, message, OddRank(ranks)};
}

Status FailureStatus(int rank, Site place, const std::string& message) {
  return {Code::kPeerFailed, Rank(rank) + " failed" + At(place) + ": " + message, rank};
}

Status DepartureStatus(std::span<const RankView> ranks, int leaver, int waiter) {
  const RankView& gone = ranks[leaver];
  std::string message = Rank(leaver) + ' ' + StateText(gone);
  if (gone.state == RankState::kReturned && !LastPlace(gone).empty()) message += ", last seen";
  message += At(LastPlace(gone));
  message += ", while " + Rank(waiter) + " waits for it in " + Collective(ranks[waiter]);
  return {Code::kPeerFailed, message, leaver};
}

Status ExitCodesStatus(std::span<const RankView> ranks) {
  std::string message;
  for (size_t r = 0; r < ranks.size(); ++r) {
    message += (r == 0 ? "" : ", ") + Rank(static_cast<int>(r)) + ' ' + StateText(ranks[r]);
    if (ranks[r].state == RankState::kExited) message += At(ranks[r].place);
  }
  return {Code::kDesync, message, -1};
}

std::vector<int> MissingRanks(std::span<const RankView> ranks, int waiter) {
  std::vector<int> missing;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const bool behind = ranks[r].sequence < ranks[waiter].sequence;
    if (behind || ranks[r].silent()) missing.push_back(static_cast<int>(r));
  }
  return missing;
}

std::string StallWarning(std::span<const RankView> ranks, int waiter,
                         std::chrono::nanoseconds time) {
  const std::vector<int> missing = MissingRanks(ranks, waiter);
  std::string text =
      Rank(waiter) + " has waited " + Seconds(time) + " in " + Collective(ranks[waiter]) + " for ";
  if (missing.empty()) return text + "its end; all ranks are in it";
  text += ListRanks(missing);
  const std::string& place = LastPlace(ranks[missing[0]]);
  if (missing.size() == 1 && !place.empty()) text += ", last seen" + At(place);
  text += Silence(ranks[missing[0]]);
  return text;
}

Status StallStatus(std::span<const RankView> ranks, int waiter, std::chrono::nanoseconds time) {
  const std::vector<int> missing = MissingRanks(ranks, waiter);
  return {Code::kStalled, StallWarning(ranks, waiter, time) + DescribeAll(ranks),
          missing.size() == 1 ? missing[0] : -1};
}

Status SilenceStatus(std::span<const RankView> ranks, int lost) {
  return {Code::kStalled, SilenceOf(ranks[lost]) + DescribeAll(ranks), lost};
}

}  // namespace eta::parallel
