#include "parallel/isolate/natives.h"

#include <chrono>
#include <string>
#include <string_view>

#include "base/own_rows.h"
#include "parallel/isolate/host.h"
#include "parallel/isolate/insight_natives.h"
#include "parallel/isolate/no_sync.h"
#include "parallel/isolate/parallel_map.h"
#include "parallel/isolate/place.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"
#include "parallel/isolate/value_collectives.h"
#include "parallel/isolate/with_replicas.h"

namespace eta::parallel {
namespace {

constexpr double kLongestStall = 1e9;  // seconds; nobody waits so long

int RankOf(const Vm& vm) {
  const RankContext* context = RankContext::Of(vm);
  return context ? context->member.rank() : 0;
}

int SizeOf(const Vm& vm) {
  const RankContext* context = RankContext::Of(vm);
  return context ? context->member.size() : 1;
}

Value Rank(Vm& vm, Args) { return Value::Int(RankOf(vm)); }

Value WorldSize(Vm& vm, Args) { return Value::Int(SizeOf(vm)); }

Value IsPrimary(Vm& vm, Args) { return Value::Bool(RankOf(vm) == 0); }

Value ShardRange(Vm& vm, Args args) {
  if (!IsInteger(args[0]) || ToInt64(args[0]) < 0) {
    return vm.TypeError("shard-range: expected a count of rows, an integer of at least 0");
  }
  const int size = SizeOf(vm);
  const RowRange own =
      OwnRows(ToInt64(args[0]), RankOf(vm), size, RowBlocks(HostOf(vm).shards, size));
  RootVector range(vm.heap());
  range.push_back(vm.heap().Integer(own.begin));
  range.push_back(vm.heap().Integer(own.end));
  return vm.heap().List(range.span());
}

Value Barrier(Vm& vm, Args) {
  RankContext* context = RankContext::Of(vm);
  if (context == nullptr) return Value::Nil();
  const Status status = context->member.communicator().Barrier(PlaceText(vm)).status();
  return status.ok() ? Value::Nil() : FailWith(vm, "barrier", status);
}

// Builtins of the tensor extension that std.parallel exports. To name them there would load
// libtorch for every program that imports it, so it names stand-ins, which look them up when they
// are called.
constexpr std::string_view kTensorBuiltins[] = {
    "parallel/shard",
    "parallel/all-reduce",
    "parallel/all-gather",
    "parallel/broadcast",
    "parallel/average-gradients!",
    "parallel/replicas-equal?",
    "parallel/reduce-scatter",
    "parallel/broadcast-parameters!",
    "parallel/all-reduce!",
};

template <int kIndex>
Value StandIn(Vm& vm, Args args) {
  const Name name = vm.names().Intern(kTensorBuiltins[kIndex]);
  if (const GlobalSlot* slot = vm.FindBuiltin(name)) return vm.Call(vm.globals()[*slot], args);
  const std::string* error = vm.ExtensionError(name);
  return vm.TypeError(*name + ": " + (error ? *error : "there are no tensors here"));
}

// How long others may wait for this rank, and it for them; returns the time before, in seconds.
Value SetStallTimeout(Vm& vm, Args args) {
  const double seconds = IsNumber(args[0]) ? ToDouble(args[0]) : 0;
  if (!(seconds > 0) || seconds > kLongestStall) {
    return vm.TypeError("with-stall-timeout: expected a positive number of seconds");
  }
  const RankContext* context = RankContext::Of(vm);
  if (context == nullptr) return args[0];
  using Seconds = std::chrono::duration<double>;
  Board& board = context->member.world().board();
  const int rank = context->member.rank();
  const Seconds before = board.View(rank).stall_timeout;
  board.SetStallTimeout(rank,
                        std::chrono::duration_cast<std::chrono::nanoseconds>(Seconds(seconds)));
  return Value::Double(before.count());
}

constexpr NativeDef kNatives[] = {
    {"parallel/rank", Rank, 0, 0, "(rank): this replica's number, from 0"},
    {"parallel/world-size", WorldSize, 0, 0, "(world-size): the number of replicas"},
    {"parallel/primary?", IsPrimary, 0, 0, "(primary?): whether this is rank 0"},
    {"parallel/shard-range", ShardRange, 1, 1,
     "(shard-range n): the list (start end) of this rank's rows of n"},
    {"parallel/set-stall-timeout!", SetStallTimeout, 1, 1,
     "(set-stall-timeout! seconds): for with-stall-timeout; the time before"},
    {"parallel/barrier", Barrier, 0, 0, "(barrier): waits until all replicas have called it"},
    {"%parallel-shard", StandIn<0>, 0, kAnyCount, "(shard t): this replica's rows of t"},
    {"%parallel-all-reduce", StandIn<1>, 0, kAnyCount,
     "(all-reduce t ['sum|'mean|'max|'min]): the replicas' tensors or numbers combined"},
    {"%parallel-all-gather", StandIn<2>, 0, kAnyCount,
     "(all-gather t): the replicas' tensors joined along the first axis, in rank order"},
    {"%parallel-broadcast", StandIn<3>, 0, kAnyCount,
     "(broadcast t [root]): the tensor of replica root, by default 0"},
    {"%parallel-average-gradients!", StandIn<4>, 0, kAnyCount,
     "(average-gradients! model [denominator]): to call between backward and step!"},
    {"%parallel-replicas-equal?", StandIn<5>, 0, kAnyCount,
     "(replicas-equal? model): whether all replicas' parameters are the same to the bit"},
    {"%parallel-reduce-scatter", StandIn<6>, 0, kAnyCount,
     "(reduce-scatter t ['sum|'mean|'max|'min]): this replica's rows of the combined tensors"},
    {"%parallel-broadcast-parameters!", StandIn<7>, 0, kAnyCount,
     "(broadcast-parameters! model): gives the parameters of replica 0 to all"},
    {"%parallel-all-reduce!", StandIn<8>, 0, kAnyCount,
     "(all-reduce! t ['sum|'mean|'max|'min]): the same as all-reduce, in the tensor's own memory"},
};

}  // namespace

void InstallParallelNatives(Vm& vm) {
  vm.DefineNatives(kNatives);
  InstallInsightNatives(vm);
  InstallValueCollectives(vm);
  InstallNoSync(vm);
  InstallWithReplicas(vm);
  InstallParallelMap(vm);
}

}  // namespace eta::parallel
