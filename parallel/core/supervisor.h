// Supervisor: sees to it that no rank of a world waits for ever. Its watcher thread looks at the
// board's atomics a few times per second, aborts the world where Watch says so, and after an abort
// has the ranks interrupted and gives them a second to notice.
//
// Thread safety: all of it may be used from any thread; hooks are called from the supervisor's own
// threads, never two calls of the same hook at once.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/core/board.h"
#include "parallel/core/watch.h"

namespace eta::parallel {

struct SupervisorOptions {
  std::chrono::nanoseconds tick = std::chrono::milliseconds(20);
  // How long ranks and the hooks below have after an abort.
  std::chrono::nanoseconds abort_deadline = std::chrono::seconds(1);

  // Ask the program of rank r, of this process, to stop at its next safepoint, which acknowledges
  // the abort. May be null.
  std::function<void(int rank)> interrupt;
  // Ask rank r's program to publish its place at its next safepoint. May be null.
  std::function<void(int rank)> ask_place;
  // Abort what blocks a rank outside the board (a device's collectives). May block. May be null.
  std::function<void(const Status& reason)> abort_backends;
  // A line for the user without its final newline; null means stderr.
  std::function<void(const std::string& text)> warn;
  // Some ranks did not notice the abort in time. Null means: the message on stderr, _exit(1).
  std::function<void(const std::string& text)> unresponsive;
};

class Supervisor {
 public:
  // `board` outlives the supervisor.
  Supervisor(Board& board, SupervisorOptions options);
  // Stops watching; waits for hooks that are running.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

 private:
  void WatchUntilEnd();
  void LookOnce(Watch& watch);
  void EnforceAbort();
  void RunAbortHooks();
  std::vector<int> UnresponsiveRanks() const;
  std::string UnresponsiveText() const;

  Board& board_;
  const SupervisorOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> hooks_done_{false};
  std::thread watcher_;
};

}  // namespace eta::parallel
