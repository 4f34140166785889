#include "parallel/isolate/child_programs.h"

#include <algorithm>
#include <string>

#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"

namespace eta::parallel {
namespace {

// Of programs that wait for each other. Each is a thread with a heap; endless ones would use up
// both before anything else ends them.
constexpr int kMaxDepth = 8;

}  // namespace

bool MayStartPrograms(Vm& vm, const char* name) {
  if (HostOf(vm).depth < kMaxDepth) return true;
  return !vm.TypeError(std::string(name) + ": programs inside programs, " +
                       std::to_string(kMaxDepth) + " deep: no more can be started")
              .IsFailure();
}

Vm::Options ChildOptions(const Vm& vm, int count) {
  const Vm::Options& own = vm.options();
  Vm::Options options;
  options.heap.limit_bytes = own.heap.limit_bytes / static_cast<size_t>(count);
  options.heap.stress = own.heap.stress;
  options.heap.hash_seed = own.heap.hash_seed;
  options.search_path = own.search_path;
  options.strict_shadows = own.strict_shadows;
  options.program_arguments = own.program_arguments;
  return options;
}

HostOptions ChildHost(const Vm& vm, int count) {
  HostOptions host = HostOf(vm);
  host.threads = std::max(1, host.threads / count);
  ++host.depth;
  return host;
}

Status PollParent(Vm& vm) {
  if (vm.Safepoint().IsFailure()) return {Code::kAborted, "the program that waits was stopped", -1};
  RankContext* context = RankContext::Of(vm);
  if (context == nullptr) return {};
  Status status = context->member.Poll();
  if (!status.ok()) status.code = Code::kAborted;
  return status;
}

Value FailCalledOff(Vm& vm, const char* name, const Status& status) {
  if (vm.pending().kind != Vm::Pending::Kind::kNone) return Value::Failure();
  RankContext* context = RankContext::Of(vm);
  const Status reason = context ? context->member.Poll() : status;
  return FailWith(vm, name, reason.ok() ? status : reason);
}

}  // namespace eta::parallel
