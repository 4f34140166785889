#include "parallel/training/shrinking.h"

#include <algorithm>
#include <string>
#include <vector>

#include "parallel/isolate/host.h"
#include "parallel/isolate/status_error.h"
#include "parallel/training/gather_state.h"
#include "parallel/training/joint_step.h"
#include "parallel/training/step_failure.h"
#include "torch/context.h"

namespace eta::parallel {
namespace {

using tensor::Call;

class Shrinking {
 public:
  Shrinking(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
      : vm_(vm), training_(training), info_(info), args_(args) {}

  Value Run() {
    JointStep step(vm_, training_, info_, args_);
    const Value loss = step.Run();
    if (!loss.IsFailure() || !step.MayBeHealed()) return loss;
    SortRanks();
    const std::string obstacle = Obstacle();
    if (!obstacle.empty()) return Refuse(obstacle);
    const bool stays = IsIn(staying_, training_.member().rank());
    TakeFailure(vm_, training_,
                "; the step is skipped, and the replica dropped: " +
                    std::to_string(staying_.size()) + " go on");
    if (!GatherStatesOfAll()) return Value::Failure();
    return stays ? GoOn() : vm_.Exit(0);
  }

 private:
  static bool IsIn(const std::vector<int>& ranks, int rank) {
    return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  }

  void SortRanks() {
    for (size_t r = 0; r < training_.records.size(); ++r) {
      (training_.records[r].failed ? failed_ : staying_).push_back(static_cast<int>(r));
    }
  }

  // Why it cannot be, the same on all ranks; or nothing.
  std::string Obstacle() const {
    if (IsIn(failed_, 0)) return "replica 0, which writes the output, cannot be dropped";
    return CheckShards(HostOf(vm_).shards, static_cast<int>(staying_.size()));
  }

  // The error stays, and ends the run unless all catch it.
  Value Refuse(const std::string& obstacle) {
    if (training_.member().rank() == failed_[0]) {
      vm_.console().WriteError("warning: --on-failure shrink: " + obstacle + "\n");
    }
    return Value::Failure();
  }

  // The slices that the ranks own are others in the next world.
  bool GatherStatesOfAll() {
    Meeting meeting(vm_, training_, info_, args_);
    meeting.mine().step = training_.steps;
    StepMemory memory;
    return GatherAllStates(meeting, memory, training_, StepRecord::Phase::kHeal);
  }

  Value GoOn() {
    Member& member = training_.member();
    const int signal = SignalOf(training_.records);
    training_.LeaveWorld();
    const Status moved = member.MoveOn(staying_);
    if (!moved.ok()) return FailWith(vm_, info_.name, moved);
    training_.EnterWorld();
    tensor::TensorContext::Of(vm_).SetRank(member.rank(), member.size());
    return PassOver(vm_, signal);
  }

  Vm& vm_;
  ReplicaTraining& training_;
  const tensor::OpInfo& info_;
  const Args args_;
  std::vector<int> failed_, staying_;  // ranks
};

}  // namespace

Value TrainAndShrink(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args) {
  return Shrinking(vm, training, info, args).Run();
}

}  // namespace eta::parallel
