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
    if (!GatherStates()) return Value::Failure();
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
  bool GatherStates() {
    Meeting meeting(vm_, training_, info_, args_);
    meeting.mine().step = training_.steps;
    StepMemory memory;
    memory.sliced = Sliced();
    meeting.Open(&memory);
    if (!meeting.Meet(StepRecord::Phase::kHeal)) return false;
    // One that is garbage on some rank already is of no use to any.
    std::vector<uint32_t> numbers = memory.sliced;
    for (const StepRecord& record : meeting.records()) {
      const auto& theirs = record.memory->sliced;
      std::erase_if(numbers, [&](uint32_t number) {
        return std::find(theirs.begin(), theirs.end(), number) == theirs.end();
      });
    }
    meeting.Part();
    return std::all_of(numbers.begin(), numbers.end(), [&](uint32_t number) {
      return GatherState(meeting, *training_.Find(number), training_.site.text());
    });
  }

  std::vector<uint32_t> Sliced() const {
    std::vector<uint32_t> numbers;
    for (const auto& known : training_.known()) {
      const auto optimizer = known->optimizer.lock();
      if (optimizer && optimizer->state_is_sliced) numbers.push_back(known->number);
    }
    return numbers;
  }

  Value GoOn() {
    Member& member = training_.member();
    const int signal = SignalOf(training_.records);
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
