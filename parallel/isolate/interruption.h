// Interruption: what signals ask of a run: to end at the next good moment (SIGINT, SIGTERM), or to
// show how it is getting on (SIGUSR1). SignalHandlers: brings the process's signals to it.
#pragma once

#include <signal.h>

#include <atomic>

#include "parallel/core/phase_log.h"
#include "vm/vm.h"

namespace eta::parallel {

// Thread safety: any thread, and signal handlers.
class Interruption {
 public:
  // The signal that asked the run to end, or 0.
  int signal() const { return signal_.load(std::memory_order_relaxed); }
  // What a run ends with that was asked to: 130 after SIGINT, 143 after SIGTERM.
  int exit_code() const { return ExitCodeOf(signal()); }
  static int ExitCodeOf(int signal) { return 128 + signal; }

  // True once for each time that somebody asked for a report, or several times shortly after each
  // other.
  bool TakeReportRequest() {
    return report_.load(std::memory_order_relaxed) && report_.exchange(false);
  }

  void AskForReport() { report_.store(true); }
  // False if it was asked before.
  bool AskToEnd(int signal) {
    int none = 0;
    return signal_.compare_exchange_strong(none, signal);
  }

 private:
  std::atomic<int> signal_{0};
  std::atomic<bool> report_{false};
};

// While it lives, SIGINT, SIGTERM and SIGUSR1 go to the interruption. A second SIGINT or SIGTERM
// ends the process at once, by that signal. At most one at a time.
//
// Thread safety: one thread.
class SignalHandlers {
 public:
  // For a group of replicas, which looks at the interruption from time to time.
  explicit SignalHandlers(Interruption& interruption);
  // For a program that runs alone: `vm` comes by at its interrupt hook. If it has not done so after
  // a second, although `log` shows that it is not in a training step, it is stuck in a read, a
  // sleep or the like, and the signal ends the process after all.
  SignalHandlers(Interruption& interruption, Vm& vm, const PhaseLog& log);
  ~SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;

  // The program has come by: it may take its time from now on.
  static void CallOffDeadline();

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGUSR1, SIGALRM};

  void Install();

  struct sigaction former_[4];
};

}  // namespace eta::parallel
