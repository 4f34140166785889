// Insight: how a program and the signals and reports of its run come together. Every Vm that has
// the natives of std.parallel has one, whether it runs alone or as one of several ranks.
#pragma once

#include <memory>
#include <optional>

#include "parallel/core/phase_log.h"
#include "parallel/isolate/interruption.h"
#include "vm/vm.h"

namespace eta::parallel {

// Thread safety: the isolate's thread.
struct Insight {
  static constexpr const char* kKey = "parallel.insight";

  std::shared_ptr<Journal> journal;  // of all ranks, or of the only one
  int rank = 0;
  Interruption* interruption = nullptr;     // null: nobody looks at signals
  std::optional<GlobalSlot> last_act = {};  // has the procedure given to on-interrupt

  PhaseLog& log() { return journal->log(rank); }
  // The signal that asks the run to end, or 0.
  int signal() const { return interruption == nullptr ? 0 : interruption->signal(); }

  static void Attach(Vm& vm, std::shared_ptr<Journal> journal, int rank,
                     Interruption* interruption) {
    vm.Attach(kKey, std::make_shared<Insight>(Insight{std::move(journal), rank, interruption}));
  }
  // Null: nobody looks.
  static Insight* Of(const Vm& vm) { return vm.Attachment<Insight>(kKey); }
};

// For safepoints of a program that runs alone: shows the report that was asked for, and ends the
// program if that was asked for, unless it is in a training step.
Value HeedSignals(Vm& vm);

// To be called when a training step has been completed: `result`, or the end of the program if
// `signal` is not 0.
Value EndStep(Vm& vm, Value result, int signal);

// To be called when the program has ended, with Vm::RunFile's result. If that was because of a
// signal (`stopped`: it is known to be), rank 0 runs what on-interrupt was given. Gives what
// RunFile would have.
bool RunLastAct(Vm& vm, bool finished, bool stopped = false);

}  // namespace eta::parallel
