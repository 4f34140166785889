#include "parallel/isolate/insight_natives.h"

#include <string_view>
#include <utility>
#include <vector>

#include "parallel/core/run_stats.h"
#include "parallel/isolate/insight.h"
#include "torch/bindings.h"

namespace eta::parallel {
namespace {

// Names and values in turn.
Value FieldsOf(Vm& vm, int rank, const RankStats& stats) {
  RootVector list(vm.heap());
  const auto add = [&](std::string_view name, Value value) {
    list.push_back(value);  // first: a symbol may be new
    list.push_back(vm.Symbol(name));
    std::swap(list[list.size() - 1], list[list.size() - 2]);
  };
  add("rank", Value::Int(rank));
  add("steps", vm.heap().Integer(static_cast<int64_t>(stats.steps)));
  add("elapsed", Value::Double(stats.elapsed));
  add("forward", Value::Double(stats.forward));
  add("backward", Value::Double(stats.backward));
  add("update", Value::Double(stats.update));
  add("reduce", Value::Double(stats.reduce));
  add("wait", Value::Double(stats.wait));
  add("other", Value::Double(stats.other()));
  add("bytes", vm.heap().Integer(static_cast<int64_t>(stats.bytes)));
  add("overlap", Value::Double(stats.overlap));
  return vm.heap().List(list.span());
}

Value Stats(Vm& vm, Args) {
  const std::vector<RankStats> stats = StatsOf(*Insight::Of(vm)->journal, PhaseClock());
  RootVector ranks(vm.heap());
  for (size_t r = 0; r < stats.size(); ++r) {
    ranks.push_back(FieldsOf(vm, static_cast<int>(r), stats[r]));
  }
  return vm.heap().List(ranks.span());
}

Value ReplicaDevice(Vm& vm, Args) {
  const auto* settings = vm.Attachment<tensor::TensorSettings>(tensor::kTensorSettings);
  const bool named = settings != nullptr && !settings->device.empty();
  return vm.String(named ? settings->device : "cpu");
}

Value OnInterrupt(Vm& vm, Args args) {
  if (!IsProcedure(args[0])) return vm.TypeError("on-interrupt: procedure required");
  std::optional<GlobalSlot>& slot = Insight::Of(vm)->last_act;
  if (!slot) slot = vm.NewGlobal(vm.names().Intern("on-interrupt's procedure"));
  if (!slot) return vm.TypeError("on-interrupt: there are too many global variables");
  vm.globals()[*slot] = args[0];
  return Value::Nil();
}

constexpr NativeDef kNatives[] = {
    {"%parallel-stats", Stats, 0, 0,
     "(%parallel-stats): for each rank a list of names and values in turn"},
    {"parallel/replica-device", ReplicaDevice, 0, 0,
     "(replica-device): where this replica's tensors are made, \"cpu\" or \"cuda:0\""},
    {"parallel/on-interrupt", OnInterrupt, 1, 1,
     "(on-interrupt thunk): what rank 0 does last when SIGINT or SIGTERM ends the run"},
};

}  // namespace

void InstallInsightNatives(Vm& vm) {
  vm.DefineNatives(kNatives);
  if (Insight::Of(vm) == nullptr) Insight::Attach(vm, std::make_shared<Journal>(1), 0, nullptr);
}

}  // namespace eta::parallel
