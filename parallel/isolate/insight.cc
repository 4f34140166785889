#include "parallel/isolate/insight.h"

#include "parallel/core/run_stats.h"

namespace eta::parallel {
namespace {

bool EndedBySignal(const Vm& vm, int signal) {
  const Vm::Pending& pending = vm.pending();
  return pending.kind == Vm::Pending::Kind::kExit &&
         pending.status == Interruption::ExitCodeOf(signal);
}

}  // namespace

Value HeedSignals(Vm& vm) {
  Insight& insight = *Insight::Of(vm);
  if (insight.interruption == nullptr) return Value::Nil();
  SignalHandlers::CallOffDeadline();
  if (insight.interruption->TakeReportRequest()) {
    vm.console().WriteError(StatsTable(*insight.journal, PhaseClock()));
  }
  const bool in_step = insight.log().phase() != Phase::kOther;
  return in_step ? Value::Nil() : EndStep(vm, Value::Nil(), insight.signal());
}

Value EndStep(Vm& vm, Value result, int signal) {
  return signal == 0 ? result : vm.Exit(Interruption::ExitCodeOf(signal));
}

bool RunLastAct(Vm& vm, bool finished, bool stopped) {
  Insight* const insight = Insight::Of(vm);
  const int signal = insight == nullptr ? 0 : insight->signal();
  if (finished || signal == 0 || insight->rank != 0 || !insight->last_act) return finished;
  if (!stopped && !EndedBySignal(vm, signal)) return finished;
  (void)vm.TakePending();
  insight->interruption = nullptr;  // not to be interrupted itself
  const Value result = vm.Call(vm.globals()[*insight->last_act], {});
  if (!result.IsFailure()) (void)vm.Exit(Interruption::ExitCodeOf(signal));
  return false;
}

}  // namespace eta::parallel
