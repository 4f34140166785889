#include "parallel/training/step_failure.h"

#include <limits>

#include "parallel/isolate/insight.h"
#include "vm/diagnostics.h"

namespace eta::parallel {

void TakeFailure(Vm& vm, ReplicaTraining& training, const std::string& consequence) {
  const Vm::Pending pending = vm.TakePending();
  const int rank = training.member().rank();
  if (!training.records[static_cast<size_t>(rank)].failed) return;
  const SourceSpan span = PendingSpan(vm, pending);
  vm.console().WriteError(RenderMessage("warning", PendingMessage(pending) + consequence, span,
                                        vm.File(span), {.rank = rank}));
}

Value PassOver(Vm& vm, int signal) {
  const Value loss = Value::Double(std::numeric_limits<double>::quiet_NaN());
  return EndStep(vm, loss, signal);
}

}  // namespace eta::parallel
