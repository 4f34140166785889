#include "parallel/isolate/interruption.h"

#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace eta::parallel {
namespace {

constexpr unsigned kSecondsToComeBy = 1;

// What the handlers may use; set before they are installed.
Interruption* the_interruption = nullptr;
Vm* the_vm = nullptr;
const PhaseLog* the_log = nullptr;

// Async-signal-safe, as all below.
void EndBySignal(int signal) {
  ::signal(signal, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  raise(signal);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);  // it is blocked while its handler runs
}

bool InStep() { return the_log->phase() != Phase::kOther; }

void AskToEnd(int signal) {
  if (!the_interruption->AskToEnd(signal)) return EndBySignal(signal);
  if (the_vm == nullptr) return;
  the_vm->RequestInterrupt();
  if (!InStep()) alarm(kSecondsToComeBy);
}

void Handle(int signal) {
  const int error = errno;
  if (signal == SIGUSR1) {
    the_interruption->AskForReport();
    if (the_vm != nullptr) the_vm->RequestInterrupt();
  } else if (signal == SIGALRM) {
    EndBySignal(the_interruption->signal());
  } else {
    AskToEnd(signal);
  }
  errno = error;
}

}  // namespace

SignalHandlers::SignalHandlers(Interruption& interruption) {
  ETA_CHECK(the_interruption == nullptr);
  the_interruption = &interruption;
  Install();
}

SignalHandlers::SignalHandlers(Interruption& interruption, Vm& vm, const PhaseLog& log) {
  ETA_CHECK(the_interruption == nullptr);
  the_interruption = &interruption;
  the_vm = &vm;
  the_log = &log;
  Install();
}

SignalHandlers::~SignalHandlers() {
  CallOffDeadline();
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &former_[i], nullptr);
  the_interruption = nullptr;
  the_vm = nullptr;
  the_log = nullptr;
}

void SignalHandlers::CallOffDeadline() {
  if (the_vm != nullptr) alarm(0);
}

// SIGALRM is ours for the deadline alone. What was ignored, as in a background job, stays so.
void SignalHandlers::Install() {
  struct sigaction action = {};
  action.sa_handler = Handle;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &former_[i]);
    if (former_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

}  // namespace eta::parallel
