// What layers that meet the other ranks add up in their forward and backward passes
// (torch/sync_batch_norm.h). In a training step a rank that failed elsewhere is found here, as at
// any other meeting of the step.
#include "parallel/training/dtypes.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"
#include "torch/op_table.h"
#include "torch/sync_batch_norm.h"

namespace eta::parallel {
namespace {

constexpr tensor::OpInfo kTrainStep{"optim/train-step!", ""};
constexpr tensor::OpInfo kForward{"nn/forward", ""};

// Thread safety: the isolate's thread.
class Sums final : public tensor::RankSums {
 public:
  Sums(Vm& vm, ReplicaTraining& training) : vm_(vm), training_(training) {}

  bool Sum(const tensor::Tensor& numbers) override {
    const ExchangePlace place = ExchangePlace::Of(vm_);
    const Buffer buffer = place.BufferOf(numbers);
    Meeting meeting(vm_, training_, training_.in_step ? kTrainStep : kForward, {});
    StepMemory memory{
        .site = training_.site.text(),
        .structure = "statistics of " + std::to_string(numbers.numel()) + " numbers\n"};
    meeting.Open(&memory);
    meeting.mine().step = training_.steps;
    meeting.mine().layout = static_cast<uint64_t>(numbers.numel());
    meeting.mine().may_retry = training_.in_step && training_.may_retry;
    if (!meeting.Meet(StepRecord::Phase::kStatistics)) return Failed(meeting);
    meeting.Part();
    const Status status = meeting.member()
                              .communicator()
                              .AllReduce(buffer, ReduceOp::kSum, training_.site.text())
                              .Wait(Deadline::max());
    if (status.ok()) return true;
    (void)meeting.Fail(status);
    return Failed(meeting);
  }

 private:
  // The step that this is in need not tell the others.
  bool Failed(const Meeting& meeting) {
    training_.failure_known = training_.in_step;
    training_.failed_together = meeting.failed_together();
    return false;
  }

  Vm& vm_;
  ReplicaTraining& training_;
};

void Attach(Vm& vm) {
  ReplicaTraining* training = ReplicaTraining::Of(vm);
  if (training == nullptr || training->records.size() == 1) return;
  vm.Attach(tensor::kRankSums, std::shared_ptr<tensor::RankSums>(new Sums(vm, *training)));
}

const tensor::OpTable table({}, Attach);

}  // namespace
}  // namespace eta::parallel
