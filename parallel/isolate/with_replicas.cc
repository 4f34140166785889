#include "parallel/isolate/with_replicas.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parallel/isolate/child_programs.h"
#include "parallel/isolate/isolate_group.h"
#include "parallel/isolate/replica_request.h"
#include "parallel/isolate/status_error.h"
#include "parallel/isolate/value_collectives.h"

namespace eta::parallel {
namespace {

constexpr const char* kName = "with-replicas";

// One call. Thread safety: the caller's thread, except RunReplica.
class Replicas {
 public:
  Replicas(Vm& vm, ReplicaRequest request)
      : vm_(vm), request_(std::move(request)), streams_(vm.console()) {
    results_.resize(static_cast<size_t>(request_.group.size));
  }

  Value Run(Value thunk) {
    thunk_ = PackFor(vm_, kName, thunk);
    if (thunk_ == nullptr) return Value::Failure();
    GroupOptions group = request_.group;
    const HostOptions host = MakeHost();
    auto device_ops = DeviceOpsFor(host);
    if (!device_ops) return vm_.TypeError(std::string(kName) + ": " + device_ops.error());
    group.device_ops = std::move(*device_ops);
    Supply(host, &group);
    return RunGroup(std::move(group));
  }

 private:
  // What the replicas are prepared with.
  HostOptions MakeHost() const {
    HostOptions host = ChildHost(vm_, request_.group.size);
    if (request_.threads > 0) host.threads = request_.threads;
    host.devices = request_.group.devices;
    return host;
  }

  void Supply(const HostOptions& host, GroupOptions* group) {
    const int size = group->size;
    group->poll = [this] { return PollParent(vm_); };
    group->vm_options = [this, size](int) { return ChildOptions(vm_, size); };
    group->prepare = [host, size, launch = group->launch](Vm& child, int rank) {
      PrepareVm(child, host, rank, size);
      if (size == 1) child.Attach(LaunchOptions::kKey, std::make_shared<LaunchOptions>(launch));
    };
  }

  Value RunGroup(GroupOptions group) {
    const IsolateGroup::Outcome outcome =
        IsolateGroup(std::move(group), streams_).Run([this](Vm& child) {
          return RunReplica(child);
        });
    const Status& status = outcome.status;
    if (status.code == Code::kAborted) return FailCalledOff(vm_, kName, status);
    if (!status.ok()) {
      return vm_.Fail(TagOf(status.code), std::string(kName) + ": " + status.message);
    }
    results_.resize(static_cast<size_t>(outcome.size));  // of those that were dropped, none
    return Results(outcome.exit_code);
  }

  // On the replica's thread.
  bool RunReplica(Vm& child) {
    const Root thunk(child.heap(), UnpackFor(child, kName, *thunk_));
    if (thunk.get().IsFailure()) return false;
    const Root result(child.heap(), child.Call(thunk, {}));
    if (result.get().IsFailure()) return false;
    auto& place = results_[static_cast<size_t>(RankContext::Of(child)->member.rank())];
    place = PackFor(child, "the result", result);
    return place != nullptr;
  }

  // By rank. All have returned, or all have exited with the same code.
  Value Results(int exit_code) {
    if (std::find(results_.begin(), results_.end(), nullptr) != results_.end()) {
      return vm_.Fail(kPeerFailed, std::string(kName) + ": the replicas exited with " +
                                       std::to_string(exit_code) + " instead of returning");
    }
    return UnpackAllFor(vm_, kName, results_);
  }

  Vm& vm_;
  const ReplicaRequest request_;
  SharedStreams streams_;
  std::shared_ptr<const Parcel> thunk_;
  std::vector<std::shared_ptr<const Parcel>> results_;  // by rank; each writes its own
};

Value WithReplicas(Vm& vm, Args args) {
  if (const RankContext* own = RankContext::Of(vm)) {
    return vm.TypeError(std::string(kName) + ": this is rank " +
                        std::to_string(own->member.rank()) + " of " +
                        std::to_string(own->member.size()) +
                        " already; only a program that runs alone can start replicas");
  }
  if (!MayStartPrograms(vm, kName)) return Value::Failure();
  auto request = ReadReplicaRequest(vm, args);
  if (!request) return vm.TypeError(std::string(kName) + ": " + request.error());
  return Replicas(vm, std::move(*request)).Run(args[1]);
}

constexpr NativeDef kNatives[] = {
    {"parallel/with-replicas", WithReplicas, 2, kAnyCount,
     "(with-replicas n thunk [option value ...]): what n replicas that run thunk return, a list by "
     "rank"},
};

}  // namespace

void InstallWithReplicas(Vm& vm) { vm.DefineNatives(kNatives); }

}  // namespace eta::parallel
