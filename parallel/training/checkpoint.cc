// save-checkpoint and load-checkpoint among replicas: both are for all ranks together. Saving, each
// rank hands over what it alone has, slices of optimizer state and its random streams, and rank 0
// writes. Loading, each rank reads the file, and if it fits on all, all change; if not, none does.
#include "torch/state/checkpoint.h"

#include "parallel/training/farewell.h"
#include "parallel/training/gather_state.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

using tensor::Call;
using tensor::CheckpointPart;

// One save by all ranks. Thread safety: the isolate's thread.
class JointSave {
 public:
  JointSave(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
      : vm_(vm), args_(args), training_(training), meeting_(vm, training, info, args) {
    meeting_.mine().step = training.steps;
  }

  Value Save() {
    if (training_.farewell) return SaveAlone();
    const bool saved = meeting_.Try([&](Call&) { return ReadArguments(); }) && GatherAll() &&
                       GatherStreams(meeting_, memory_, training_, &run_) &&
                       meeting_.Try([&](Call& call) { return Write(call); }) &&
                       MeetToSave(meeting_, memory_);
    return saved ? End() : Value::Failure();
  }

  // Only so that each rank has the whole state of one optimizer.
  Value Gather() {
    std::shared_ptr<tensor::Optimizer> optimizer;
    const bool gathered = meeting_.Try([&](Call& call) {
      const auto* given = tensor::OptimizerIn(args_[0]);
      if (given == nullptr) return call.BadArgument("optimizer required");
      optimizer = *given;
      return Value::Nil();
    }) && Gather(optimizer);
    return gathered ? End() : Value::Failure();
  }

 private:
  Value ReadArguments() {
    path_ = tensor::PathIn(args_[0]);
    parts_ = tensor::ReadParts(args_[1]);
    return Value::Nil();
  }

  // After a signal, when the other ranks may have ended.
  Value SaveAlone() {
    return tensor::RunOperation(vm_, meeting_.info(), args_, [&](Call& call) {
      (void)ReadArguments();
      for (const CheckpointPart& part : parts_) {
        TORCH_CHECK(!part.optimizer || !part.optimizer->state_is_sliced, "the state of ", part.name,
                    " is spread over replicas that have ended");
      }
      run_ = *training_.farewell;
      return Write(call);
    });
  }

  Value End() { return EndTogether(meeting_, training_, Value::Nil()); }

  bool GatherAll() {
    for (const CheckpointPart& part : parts_) {
      if (part.optimizer && !Gather(part.optimizer)) return false;
    }
    return true;
  }

  bool Gather(const std::shared_ptr<tensor::Optimizer>& optimizer) {
    return !optimizer->state_is_sliced ||
           GatherState(meeting_, training_.Know(optimizer), training_.site.text());
  }

  Value Write(Call& call) {
    const bool writes = meeting_.member().rank() == 0 && call.vm().console().WritesFile(path_);
    if (writes) tensor::SaveCheckpoint(vm_, path_, parts_, run_);
    return Value::Nil();
  }

  Vm& vm_;
  const Args args_;
  ReplicaTraining& training_;
  Meeting meeting_;
  StepMemory memory_;
  std::string path_;
  std::vector<CheckpointPart> parts_;
  tensor::RunState run_;
};

Value LoadTogether(Vm& vm, ReplicaTraining& training, Args args) {
  Meeting meeting(vm, training, tensor::kLoadCheckpoint, args);
  StepMemory memory;
  meeting.Open(&memory);
  meeting.mine().step = training.steps;
  std::optional<tensor::LoadedCheckpoint> loaded;
  Root values(vm.heap());
  if (!meeting.Try([&](Call& call) { return tensor::PrepareLoad(call, &loaded, &values); })) {
    return Value::Failure();
  }
  memory.structure = "a checkpoint with checksum " + loaded->checksum() + "\n";
  meeting.mine().layout = std::stoull(loaded->checksum(), nullptr, 16);
  if (!meeting.Meet(StepRecord::Phase::kSave)) return Value::Failure();
  meeting.Part();
  loaded->Commit(tensor::TensorContext::Of(vm));
  training.batches = loaded->batches();
  return EndTogether(meeting, training, values);
}

class Ranks final : public tensor::CheckpointWorld {
 public:
  Ranks(Vm& vm, ReplicaTraining& training) : vm_(vm), training_(training) {}

  Value Save(Args args) override {
    return JointSave(vm_, training_, tensor::kSaveCheckpoint, args).Save();
  }
  Value Load(Args args) override { return LoadTogether(vm_, training_, args); }
  Value GatherState(Args args) override {
    return JointSave(vm_, training_, tensor::kGatherState, args).Gather();
  }

 private:
  Vm& vm_;
  ReplicaTraining& training_;
};

void Attach(Vm& vm) {
  ReplicaTraining* training = ReplicaTraining::Of(vm);
  if (training == nullptr) return;
  vm.Attach(tensor::kCheckpointWorld,
            std::shared_ptr<tensor::CheckpointWorld>(new Ranks(vm, *training)));
}

const tensor::OpTable table({}, Attach);

}  // namespace
}  // namespace eta::parallel
