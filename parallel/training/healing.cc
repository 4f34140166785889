#include "parallel/training/healing.h"

#include <algorithm>

#include "parallel/training/hash.h"
#include "parallel/training/initial_values.h"
#include "parallel/training/joint_step.h"
#include "parallel/training/step_failure.h"

namespace eta::parallel {
namespace {

using tensor::Call;

// The first rank that is well.
int FirstWell(std::span<const StepRecord> records) {
  const auto well = std::find_if(records.begin(), records.end(),
                                 [](const auto& record) { return !record.failed; });
  return static_cast<int>(well - records.begin());
}

class Healing {
 public:
  Healing(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
      : vm_(vm), training_(training), info_(info), args_(args) {}

  Value Run() {
    Value loss = Step("; the step is tried again");
    if (!healed_) return loss;
    --training_.steps;  // it is the same one
    loss = Step("; the step is skipped");
    return healed_ ? PassOver(vm_, SignalOf(training_.records)) : loss;
  }

 private:
  // The loss; or Failure, and maybe healed_.
  Value Step(const char* consequence) {
    healed_ = false;
    JointStep step(vm_, training_, info_, args_);
    const Value loss = step.Run();
    if (!loss.IsFailure() || !step.MayBeHealed()) return loss;
    const int healer = FirstWell(training_.records);
    TakeFailure(vm_, training_, consequence);
    healed_ = Heal(step.known(), step.model(), healer);
    return Value::Failure();
  }

  // False: an error is pending.
  bool Heal(KnownOptimizer& known, const std::shared_ptr<tensor::Module>& model, int healer) {
    const auto rank = static_cast<size_t>(training_.member().rank());
    const bool failed = training_.records[rank].failed;
    tensor::BufferUndo own;  // of a rank that is well
    Meeting meeting(vm_, training_, info_, args_);
    meeting.mine().step = training_.steps;
    meeting.mine().optimizer = known.number;
    StepMemory memory;
    meeting.Open(&memory);
    const auto optimizer = known.optimizer.lock();
    const bool ready = meeting.Try([&](Call& call) {
      known.shared.Leave();
      memory.structure = DescribeStructure(*model, *optimizer);
      memory.initial = InitialMemory(*model, *optimizer, ExchangePlace::Of(call.vm()));
      meeting.mine().layout = HashOf(memory.structure);
      if (!failed) own.Save(model);
      return Value::Nil();
    });
    if (!ready || !meeting.Meet(StepRecord::Phase::kHeal) ||
        !TakeInitialValues(meeting, healer, memory, training_.site.text())) {
      return false;
    }
    return meeting.Try([&](Call&) {
      own.Restore();
      return Value::Nil();
    });
  }

  Vm& vm_;
  ReplicaTraining& training_;
  const tensor::OpInfo& info_;
  const Args args_;
  bool healed_ = false;
};

}  // namespace

Value TrainAndHeal(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args) {
  return Healing(vm, training, info, args).Run();
}

}  // namespace eta::parallel
