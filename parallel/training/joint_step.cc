#include "parallel/training/joint_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "parallel/isolate/no_sync.h"
#include "parallel/training/compression.h"
#include "parallel/training/farewell.h"
#include "parallel/training/hash.h"
#include "parallel/training/joint_update.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/rows.h"
#include "parallel/training/segment_exchange.h"
#include "parallel/training/step_layout.h"
#include "vm/diagnostics.h"

namespace eta::parallel {

using tensor::Call;

JointStep::JointStep(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
    : training_(training),
      gathers_only_(GathersOnly(vm, args)),
      shares_loss_(gathers_only_ && !NoSync::IsOn(vm)),
      meeting_(vm, training, info, args) {
  meeting_.mine().step = training_.steps + 1;
  if (gathers_only_) return;
  meeting_.member().SetStep(++training_.steps);
}

Value JointStep::Run() {
  training_.in_step = true;
  const bool done = Enter() && Compute() && (gathers_only_ ? ShareLoss() : Reduce());
  training_.in_step = false;
  // After a failure too: a step that some rank has no gradients for can only begin anew.
  if (known_ != nullptr && !(done && gathers_only_)) {
    optimizer().ForgetAccumulated();
    known_->sums.Clear();
  }
  if (known_ != nullptr) done ? optimizer().buffers.Forget() : optimizer().buffers.Restore();
  if (!done) {
    RememberLess();
    return Value::Failure();
  }
  if (gathers_only_ && !shares_loss_) return EndAlone();
  if (!gathers_only_ && optimizer().settings.shard) optimizer().ZeroGradients();
  return EndTogether(meeting_, training_, Value::Double(totals_.mean()));
}

// Nobody meets, however many such steps there are: nobody else would end the run for a signal.
Value JointStep::EndAlone() {
  if (meeting_.mine().signal != 0) {
    meeting_.member().world().Abort({Code::kAborted, "the run was interrupted", -1});
  }
  return Value::Double(OwnMean());
}

// What some ranks have done and others, because they failed, have not: to lay out parameters anew,
// and to hear of an optimizer.
void JointStep::RememberLess() {
  if (meeting_.failed_together()) {
    for (const StepRecord& record : meeting_.records()) {
      if (record.entering) training_.EnterAnew(record.optimizer);
    }
  }
  if (known_ == nullptr || known_->common) return;
  training_.Forget(*known_);
  known_ = nullptr;
}

// --- Enter --------------------------------------------------------------------------------------

bool JointStep::Enter() {
  if (!meeting_.Try([&](Call& call) { return Begin(call); })) return false;
  StepLayout layout(meeting_, training_, *known_, arguments_, place_, GoByBuckets());
  if (!layout.Know() || (training_.options().split && !TakeOwnRows())) return false;
  by_buckets_ =
      MaySendByBuckets() && TakesBuckets(communicator(), place_, known_->buckets.buckets().size());
  return RegisterGradients();
}

Value JointStep::Begin(Call& call) {
  if (!ReadStepArguments(call, &arguments_)) return Value::Failure();
  known_ = &training_.Know(*arguments_.optimizer);
  meeting_.mine().optimizer = known_->number;
  meeting_.Open(&known_->memory);
  together_ = meeting_.member().size() > 1 && (*arguments_.model)->MeetsOtherRanks();
  TORCH_CHECK(!together_ || shards() == 0,
              "a layer that meets the other replicas does not go with --deterministic");
  TORCH_CHECK(!optimizer().settings.compress || shards() == 0,
              "an optimizer with 'compress does not go with --deterministic");
  TORCH_CHECK(!together_ || !NoSync::IsOn(meeting_.vm()),
              "a layer that meets the other replicas cannot be trained inside no-sync");
  place_ = ExchangePlace::Of(call.vm());
  return Value::Nil();
}

bool JointStep::MaySendByBuckets() { return !gathers_only_ && GoByBuckets(); }

// Those which are rounded, scattered or kept apart by shard are sent when all are there.
bool JointStep::GoByBuckets() {
  const auto& settings = optimizer().settings;
  return !together_ && shards() == 0 && !settings.compress && !settings.shard;
}

bool JointStep::TakeOwnRows() {
  return meeting_.Try([&](Call& call) {
    arguments_.input = Shard(call.vm(), arguments_.input);
    arguments_.target = Shard(call.vm(), arguments_.target);
    return Value::Nil();
  });
}

// Once for each layout and world. The gradients of large parameters lie elsewhere in each step.
bool JointStep::RegisterGradients() {
  if (!by_buckets_ || known_->registered.IsOf(communicator())) return true;
  std::vector<tensor::Tensor> gradients;
  for (const auto& segment : optimizer().segments()) {
    const auto& block = segment.arena->blocks()[segment.block];
    if (!block.large) gradients.push_back(segment.tensors.gradient);
  }
  return meeting_.Passed(known_->registered.Hold(std::move(gradients), place_, communicator()));
}

// --- Exchange -----------------------------------------------------------------------------------

// Where only numbers are to be exchanged: the loss over this batch of all ranks.
bool JointStep::ShareLoss() {
  if (!shares_loss_) return true;
  ++optimizer().batches;
  meeting_.mine().loss = CountedOnce(together_ ? totals_ : OwnLoss());
  known_->memory.shards = batch_;
  meeting_.mine().shards = static_cast<uint32_t>(batch_.size());
  if (!meeting_.Meet(StepRecord::Phase::kGather)) return false;
  totals_ = TotalLoss(meeting_.records());
  meeting_.Part();
  return std::isfinite(totals_.mean()) || PassNonfiniteLoss();
}

tensor::LossSums JointStep::OwnLoss() const {
  if (shards() == 0) return loss_.sums();
  tensor::LossSums own;
  for (const tensor::LossSums& shard : batch_) own += shard;
  return own;
}

double JointStep::OwnMean() const { return shards() == 0 ? loss_.mean() : OwnLoss().mean(); }

bool JointStep::Reduce() {
  const bool shares_memory = communicator().SharesMemory();
  if (optimizer().settings.compress && place_.on_host()) {
    RoundGradients(known_->memory.segments, log());
  }
  // Whose gradient is not finite has to be known before the sums of others mix with it.
  if (!shares_memory && !by_buckets_) known_->memory.nonfinite = LookForNonfinite();
  training_.NoteChanges();
  meeting_.mine().changed = meeting_.member().size() > 1 && known_->watch.changed();
  meeting_.mine().leaves_work = shares_memory && shards() == 0 && !meeting_.mine().changed;
  if (!meeting_.Meet(StepRecord::Phase::kReduce) || !AgreeOnParameters()) return false;
  totals_ = TotalLoss(meeting_.records());
  WarnOfBatches();
  if (!std::isfinite(totals_.mean())) {
    meeting_.EndWork();  // until then, peers may be reading the losses of this rank's shards
    if (optimizer().loss_scale.dynamic()) optimizer().loss_scale.BackOff();
    return PassNonfiniteLoss();
  }
  const bool updated = Update();
  training_.PassOverUpdate();
  return updated;
}

bool JointStep::Update() {
  const bool shares_memory = communicator().SharesMemory();
  JointUpdate update(meeting_, training_, *known_, optimizer(), place_);
  if (by_buckets_) return update.BySums();
  ComputeWeights(meeting_.records(), &training_.weights);
  if (together_) training_.weights.assign(meeting_.records().size(), 1);
  return shares_memory ? update.Together() : update.Apart();
}

// If any rank's program has changed some since the last step. No rank leaves work to others then.
bool JointStep::AgreeOnParameters() {
  if (!HaveChanges(meeting_.records())) return true;
  meeting_.Part();
  const bool described = meeting_.Try([&](Call&) {
    known_->shared.Leave();
    known_->memory.values = known_->watch.DescribeValues();
    meeting_.mine().values = HashOf(known_->memory.values);
    return Value::Nil();
  });
  if (!described || !meeting_.Meet(StepRecord::Phase::kReduce)) return false;
  known_->watch.Trust();
  return true;
}

// Among this rank's own gradients. A device would have to be waited for.
Nonfinite JointStep::LookForNonfinite() {
  if (!place_.on_host()) return {};
  const PhaseScope reducing(&log(), Phase::kReduce);
  const int rank = meeting_.member().rank();
  return FindNonfiniteAddend(known_->memory.segments, std::max<size_t>(shards(), 1), rank);
}

// Once: batches that cannot be what is meant, though they can be trained on.
void JointStep::WarnOfBatches() {
  const Batches batches = BatchesOf(meeting_.records());
  const bool split = training_.options().split;
  if (batches != (split ? Batches::kDiffer : Batches::kSame)) return;
  if (std::exchange(training_.warned_of_batches, true) || meeting_.member().rank() != 0) return;
  const SourceSpan& span = training_.site.span();
  meeting_.vm().console().WriteError(RenderMessage(
      "warning",
      split
          ? "the replicas bring different batches, and --split takes a part of each only: rows are "
            "lost. Leave out (shard t), or --split"
          : "every replica trains on the same rows, which is no faster than one: give each its "
            "own with (shard t), or use --split",
      span, meeting_.vm().File(span), {}));
}

// Not an error, if it may be one that overflowed, or whoever started the program says so.
bool JointStep::PassNonfiniteLoss() {
  if (optimizer().loss_scale.dynamic()) return true;
  if (training_.options().on_nonfinite == OnNonfinite::kSkip) {
    optimizer().buffers.Restore();
    return true;
  }
  const int rank = NonfiniteLossRank(meeting_.records());
  (void)meeting_.Fail(rank, kNonfinite, DescribeNonfiniteLoss(totals_.denominator, rank));
  return false;
}

}  // namespace eta::parallel
