#include "parallel/training/joint_step.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "parallel/isolate/no_sync.h"
#include "parallel/training/compression.h"
#include "parallel/training/joint_update.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/rows.h"
#include "parallel/training/segment_exchange.h"
#include "parallel/training/step_layout.h"
#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

using tensor::Call;
using tensor::Tensor;

bool HasGradients(const LocalLoss& loss) {
  return loss.denominator != 0 && (loss.unread || std::isfinite(loss.numerator()));
}

// Rows in memory of their own: how a kernel rounds may depend on where its operands lie.
Tensor CopyRows(const Tensor& tensor, size_t shard, size_t shards) {
  return Shard(tensor, static_cast<int>(shard), static_cast<int>(shards)).clone();
}

}  // namespace

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
  if (!done) {
    RememberLess();
    return Value::Failure();
  }
  if (gathers_only_ && !shares_loss_) return Value::Double(OwnMean());
  if (!gathers_only_ && optimizer().settings.shard) optimizer().ZeroGradients();
  return meeting_.End(Value::Double(totals_.mean()));
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
  if (!layout.Know()) return false;
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
  if (training_.options().split) TakeOwnRows();
  return Value::Nil();
}

bool JointStep::MaySendByBuckets() { return !gathers_only_ && GoByBuckets(); }

// Those which are rounded, scattered or kept apart by shard are sent when all are there.
bool JointStep::GoByBuckets() {
  const auto& settings = optimizer().settings;
  return !together_ && shards() == 0 && !settings.compress && !settings.shard;
}

void JointStep::TakeOwnRows() {
  arguments_.input = Shard(meeting_.vm(), arguments_.input);
  arguments_.target = Shard(meeting_.vm(), arguments_.target);
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

// --- Forward, backward ---------------------------------------------------------------------------

bool JointStep::Compute() {
  meeting_.mine().rows = RowsOf(arguments_.input);
  // What was gathered before is lost if this fails.
  meeting_.mine().may_retry =
      optimizer().accumulated.denominator == 0 && optimizer().batches == 0 && known_->sums.empty();
  if (shards() > 0) return ComputeShards();
  if (!Forward(arguments_)) return false;
  if (by_buckets_) return DoBackwardByBuckets();
  return together_ ? DoBackwardTogether() : DoBackward();
}

// Without rows there is nothing to compute, and a loss of 0 / 0 to contribute.
bool JointStep::Forward(const StepArguments& batch) {
  const PhaseScope scope(&log(), Phase::kForward);
  return meeting_.Try([&](Call& call) {
    if (optimizer().accumulated.denominator == 0) optimizer().ClearGradients();
    loss_ = {};
    if (together_) return ComputeLossTogether(call, batch, &loss_);
    return RowsOf(batch.input) > 0 ? ComputeLoss(call, batch, &loss_) : Value::Nil();
  });
}

// The gradients are those of the mean over this rank's rows; Reduce weighs them.
bool JointStep::DoBackward() {
  const PhaseScope scope(&log(), Phase::kBackward);
  return meeting_.Try([&](Call& call) {
    call.Commit();  // a second pass would add to what the first one left
    if (HasGradients(loss_)) {
      Accumulate(loss_, call.context(), &optimizer());
    } else {
      optimizer().accumulated += loss_.sums();
    }
    NoteGradients();
    return Value::Nil();
  });
}

// What is sent has its weight, so the denominators must be known before.
bool JointStep::DoBackwardByBuckets() {
  tensor::LossSums own = optimizer().accumulated;
  meeting_.mine().loss = own += loss_.sums();
  if (!meeting_.Meet(StepRecord::Phase::kSettle)) return false;
  totals_ = TotalLoss(meeting_.records());
  ComputeWeights(meeting_.records(), &training_.weights);
  meeting_.Part();
  known_->memory.nonfinite = {};
  known_->memory.ready.clear();
  if (!std::isfinite(totals_.mean())) return NonfiniteLoss();
  const double weight = training_.weights[static_cast<size_t>(meeting_.member().rank())];
  GradientReducer reducer({.optimizer = optimizer(),
                           .buckets = known_->buckets,
                           .communicator = communicator(),
                           .weight = weight,
                           .site = training_.site.text(),
                           .log = log(),
                           .place = place_});
  const PhaseScope scope(&log(), Phase::kBackward);
  Status summed;
  const bool done = meeting_.Try([&](Call& call) {
    call.Commit();
    summed = BackwardListening(call, reducer);
    NoteGradients();
    return Value::Nil();
  });
  known_->memory.nonfinite = reducer.nonfinite();
  if (!known_->buckets.learned()) known_->memory.ready = reducer.ready();
  return done && meeting_.Passed(summed);
}

// Whatever becomes of the pass, all buckets leave: the others wait for them. What is recorded must
// not have the sums' arithmetic in it.
Status JointStep::BackwardListening(Call& call, GradientReducer& reducer) {
  try {
    if (HasGradients(loss_)) {
      std::optional<Listening> listening;
      if (loss_.recording == nullptr) listening.emplace(*training_.news, reducer);
      Accumulate(loss_, call.context(), &optimizer(), training_.news.get());
    } else {
      call.context().arenas()->PayGradients();  // the zeros, which are sent
      optimizer().accumulated += loss_.sums();
    }
  } catch (...) {
    reducer.LaunchRest();
    (void)reducer.Wait();
    throw;
  }
  reducer.LaunchRest();
  return reducer.Wait();
}

void JointStep::NoteGradients() {
  known_->memory.mask = optimizer().TakeGradients();
  FindGradients(optimizer(), known_->memory.segments);
  meeting_.mine().loss = CountedOnce(optimizer().accumulated);
}

// What this rank contributes to the total: of sums over all ranks, only rank 0 does.
tensor::LossSums JointStep::CountedOnce(const tensor::LossSums& sums) {
  const bool counts = !together_ || meeting_.member().rank() == 0;
  return counts ? sums : tensor::LossSums{.adds = sums.adds};
}

bool JointStep::DoBackwardTogether() {
  loss_.Read();
  meeting_.mine().loss = loss_.sums();
  if (!meeting_.Meet(StepRecord::Phase::kSettle)) return false;
  totals_ = TotalLoss(meeting_.records());
  meeting_.Part();
  if (!std::isfinite(totals_.mean()) && !NonfiniteLoss()) return false;
  const PhaseScope scope(&log(), Phase::kBackward);
  return meeting_.Try([&](Call& call) {
    call.Commit();
    try {
      AccumulateTogether(call.context());
    } catch (const std::exception&) {
      if (training_.failure_known) return Value::Failure();  // which is pending
      throw;
    }
    NoteGradients();
    return Value::Nil();
  });
}

// A loss that is not finite or counts nothing has no gradients, on all ranks alike.
void JointStep::AccumulateTogether(tensor::TensorContext& context) {
  auto& sums = optimizer().accumulated;
  const double before = sums.denominator;
  sums += totals_;
  if (!std::isfinite(sums.numerator) || totals_.denominator == 0) return;
  if (before != 0 && before != sums.denominator) {
    optimizer().ScaleGradients(before / sums.denominator);
  }
  Backward(loss_, loss_.scale / sums.denominator * optimizer().loss_scale.factor(), context,
           optimizer());
}

// All ranks' shards have random streams of their own.
bool JointStep::ComputeShards() {
  const auto rank = static_cast<uint64_t>(meeting_.member().rank());
  const auto size = static_cast<uint64_t>(meeting_.member().size());
  const uint64_t first = (training_.batches++ * size + rank) * shards();
  for (size_t shard = 0; shard < shards(); ++shard) {
    StepArguments batch = arguments_;
    const bool taken = meeting_.Try([&](Call& call) {
      call.context().SwitchRankStream(first + shard);
      batch.input = CopyRows(arguments_.input, shard, shards());
      batch.target = CopyRows(arguments_.target, shard, shards());
      return Value::Nil();
    });
    if (!taken || !Forward(batch) || !AddShard(shard)) return false;
  }
  return meeting_.Try([&](Call&) { return OpenShards(); });
}

Value JointStep::OpenShards() {
  known_->sums.Open(&known_->memory);
  meeting_.mine().shards = static_cast<uint32_t>(known_->memory.shards.size());
  AddGradients(optimizer(), /*before=*/optimizer().TakeGradients(), known_->memory.mask);
  meeting_.mine().loss = known_->sums.Total();
  return Value::Nil();
}

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
  return std::isfinite(totals_.mean()) || NonfiniteLoss();
}

tensor::LossSums JointStep::OwnLoss() const {
  if (shards() == 0) return loss_.sums();
  tensor::LossSums own;
  for (const tensor::LossSums& shard : batch_) own += shard;
  return own;
}

double JointStep::OwnMean() const { return shards() == 0 ? loss_.mean() : OwnLoss().mean(); }

bool JointStep::AddShard(size_t shard) {
  const PhaseScope scope(&log(), Phase::kBackward);
  return meeting_.Try([&](Call& call) {
    call.Commit();
    loss_.Read();
    batch_.push_back(loss_.sums());
    if (HasGradients(loss_)) {
      Backward(loss_, loss_.scale * optimizer().loss_scale.factor(), call.context(), optimizer());
    }
    const auto mask = optimizer().TakeGradients();
    FindGradients(optimizer(), known_->memory.segments);
    known_->sums.Add(shard, shards(), loss_, optimizer(), mask);
    return Value::Nil();
  });
}

// --- Reduce -------------------------------------------------------------------------------------

bool JointStep::Reduce() {
  const bool shares_memory = communicator().SharesMemory();
  if (optimizer().settings.compress && place_.on_host()) {
    RoundGradients(known_->memory.segments, log());
  }
  // Whose gradient is not finite has to be known before the sums of others mix with it.
  if (!shares_memory && !by_buckets_) known_->memory.nonfinite = LookForNonfinite();
  meeting_.mine().leaves_work = shares_memory && shards() == 0;
  if (!meeting_.Meet(StepRecord::Phase::kReduce)) return false;
  totals_ = TotalLoss(meeting_.records());
  if (SameBatchEverywhere(meeting_.records())) WarnOfSameBatch();
  if (!std::isfinite(totals_.mean())) {
    meeting_.EndWork();  // until then, peers may be reading the losses of this rank's shards
    return NonfiniteLoss();
  }
  JointUpdate update(meeting_, training_, *known_, optimizer(), place_);
  if (by_buckets_) return update.BySums();
  ComputeWeights(meeting_.records(), &training_.weights);
  if (together_) training_.weights.assign(meeting_.records().size(), 1);
  return shares_memory ? update.Together() : update.Apart();
}

// Among this rank's own gradients. A device would have to be waited for.
Nonfinite JointStep::LookForNonfinite() {
  if (!place_.on_host()) return {};
  const PhaseScope reducing(&log(), Phase::kReduce);
  const int rank = meeting_.member().rank();
  return FindNonfiniteAddend(known_->memory.segments, std::max<size_t>(shards(), 1), rank);
}

void JointStep::WarnOfSameBatch() {
  if (std::exchange(training_.warned_of_same_batch, true) || meeting_.member().rank() != 0) return;
  const SourceSpan& span = training_.site.span();
  meeting_.vm().console().WriteError(RenderMessage(
      "warning",
      "every replica trains on the same rows, which is no faster than one: give each its own with "
      "(shard t), or use --split",
      span, meeting_.vm().File(span), {}));
}

bool JointStep::NonfiniteLoss() {
  if (training_.options().on_nonfinite == OnNonfinite::kSkip) return true;
  const int rank = NonfiniteLossRank(meeting_.records());
  (void)meeting_.Fail(rank, kNonfinite, DescribeNonfiniteLoss(totals_.denominator, rank));
  return false;
}

}  // namespace eta::parallel
