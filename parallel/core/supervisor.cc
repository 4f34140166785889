#include "parallel/core/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "parallel/core/report.h"

namespace eta::parallel {
namespace {

void PrintLine(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

void EndProcess(const std::string& text) {
  PrintLine(text);
  _exit(1);
}

SupervisorOptions WithDefaults(SupervisorOptions options) {
  if (!options.warn) options.warn = PrintLine;
  if (!options.unresponsive) options.unresponsive = EndProcess;
  return options;
}

}  // namespace

Supervisor::Supervisor(Board& board, SupervisorOptions options)
    : board_(board), options_(WithDefaults(std::move(options))) {
  watcher_ = std::thread([this] { WatchUntilEnd(); });
}

Supervisor::~Supervisor() {
  stopping_.store(true, std::memory_order_relaxed);  // ordered by the board's mutex
  board_.InterruptSleep();
  watcher_.join();
}

void Supervisor::WatchUntilEnd() {
  Watch watch(board_);
  while (!board_.SleepUntilAborted(options_.tick)) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    LookOnce(watch);
  }
  EnforceAbort();
}

void Supervisor::LookOnce(Watch& watch) {
  const Watch::Verdict verdict = watch.Look(Clock::now());
  if (options_.ask_place) {
    for (int rank : verdict.ask_place) options_.ask_place(rank);
  }
  if (verdict.warning) options_.warn("warning: " + *verdict.warning);
  if (verdict.abort) board_.Abort(*verdict.abort);
}

void Supervisor::EnforceAbort() {
  const Deadline deadline = Clock::now() + options_.abort_deadline;
  // On a thread of its own: a backend's abort may block, and this one keeps the deadline.
  std::thread aborter([this] { RunAbortHooks(); });
  const auto settled = [this] {
    // Acquire: what the hooks did comes before what follows here.
    return hooks_done_.load(std::memory_order_acquire) && UnresponsiveRanks().empty();
  };
  const auto pause =
      std::min(options_.tick, std::chrono::nanoseconds(std::chrono::milliseconds(5)));
  bool in_time = true;
  while (!settled() && (in_time = Clock::now() < deadline)) std::this_thread::sleep_for(pause);
  if (!in_time) options_.unresponsive(UnresponsiveText());
  aborter.join();
}

void Supervisor::RunAbortHooks() {
  const Status reason = board_.reason();
  if (options_.interrupt) {
    const Seats& seats = board_.seats();
    for (int rank = seats.first; rank < seats.end(); ++rank) options_.interrupt(rank);
  }
  if (options_.abort_backends) options_.abort_backends(reason);
  hooks_done_.store(true, std::memory_order_release);  // see EnforceAbort
}

std::vector<int> Supervisor::UnresponsiveRanks() const {
  std::vector<int> ranks;
  for (int r = board_.seats().first; r < board_.seats().end(); ++r) {
    const RankView view = board_.View(r);
    const bool at_large = view.state == RankState::kRunning || view.state == RankState::kWaiting;
    if (at_large && !view.acknowledged) ranks.push_back(r);
  }
  return ranks;
}

std::string Supervisor::UnresponsiveText() const {
  const std::vector<int> ranks = UnresponsiveRanks();
  std::string text = board_.reason().message;
  if (ranks.empty()) return text + "\nthe devices' collectives could not be aborted in time";
  text += "\n" + ListRanks(ranks) + " did not stop in time";
  for (int rank : ranks) text += "\n  " + DescribeRank(rank, board_.View(rank));
  return text;
}

}  // namespace eta::parallel
