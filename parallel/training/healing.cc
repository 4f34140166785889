#include "parallel/training/healing.h"

#include <algorithm>
#include <limits>

#include "parallel/training/hash.h"
#include "parallel/training/joint_step.h"
#include "parallel/training/segment_exchange.h"
#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

using tensor::Call;

// Shows what a rank failed with, and forgets it.
void Report(Vm& vm, int rank, const std::string& consequence) {
  const Vm::Pending pending = vm.TakePending();
  const SourceSpan span = PendingSpan(vm, pending);
  vm.console().WriteError(RenderMessage("warning", PendingMessage(pending) + consequence, span,
                                        vm.File(span), {.rank = rank}));
}

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
    return healed_ ? Skip() : loss;
  }

 private:
  // The loss; or Failure, and maybe healed_.
  Value Step(const char* consequence) {
    healed_ = false;
    JointStep step(vm_, training_, info_, args_);
    const Value loss = step.Run();
    if (!loss.IsFailure() || !step.MayBeHealed()) return loss;
    const int rank = training_.member().rank();
    const int healer = FirstWell(training_.records);
    if (training_.records[static_cast<size_t>(rank)].failed) {
      Report(vm_, rank, consequence);
    } else {
      (void)vm_.TakePending();
    }
    healed_ = Heal(step.known(), step.model(), healer);
    return Value::Failure();
  }

  // False: an error is pending.
  bool Heal(KnownOptimizer& known, const tensor::Module& model, int healer) {
    Meeting meeting(vm_, training_, info_, args_);
    meeting.mine().step = training_.steps;
    meeting.mine().optimizer = known.number;
    StepMemory memory;
    meeting.Open(&memory);
    const auto optimizer = known.optimizer.lock();
    const bool ready = meeting.Try([&](Call&) {
      memory.structure = DescribeStructure(model, *optimizer);
      memory.initial = InitialMemory(model, *optimizer);
      meeting.mine().layout = HashOf(memory.structure);
      return Value::Nil();
    });
    if (!ready || !meeting.Meet(StepRecord::Phase::kHeal)) return false;
    Communicator& communicator = training_.member().communicator();
    if (communicator.SharesMemory()) {
      SliceOwner(training_.member().rank(), meeting.records()).CopyInitial(healer);
      meeting.Part();
      return true;
    }
    meeting.Part();
    const Status copied = CopyFrom(healer, memory.initial, communicator, training_.site.text());
    if (!copied.ok()) (void)meeting.Fail(copied);
    return copied.ok();
  }

  // The end of a step as any other.
  Value Skip() {
    return Meeting(vm_, training_, info_, args_)
        .End(Value::Double(std::numeric_limits<double>::quiet_NaN()));
  }

  Vm& vm_;
  ReplicaTraining& training_;
  const tensor::OpInfo& info_;
  const Args args_;
  bool healed_ = false;
};

}  // namespace

Value TrainTogether(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args) {
  if (training.options().on_failure == OnFailure::kHeal) {
    return Healing(vm, training, info, args).Run();
  }
  return JointStep(vm, training, info, args).Run();
}

}  // namespace eta::parallel
