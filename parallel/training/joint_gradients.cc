// How a joint step comes to this rank's gradients: forward, loss, backward.
#include <cmath>
#include <optional>

#include "parallel/training/joint_step.h"
#include "parallel/training/joint_update.h"
#include "parallel/training/rows.h"

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

bool JointStep::Compute() {
  if (optimizer().accumulated.denominator == 0) known_->sums.Clear();  // as the program may have
  // What was gathered before is lost if this fails.
  training_.may_retry =
      optimizer().accumulated.denominator == 0 && optimizer().batches == 0 && known_->sums.empty();
  meeting_.mine().may_retry = training_.may_retry;
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
    optimizer().buffers.Save(*arguments_.model);
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
  if (!std::isfinite(totals_.mean())) return PassNonfiniteLoss();
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
  if (!std::isfinite(totals_.mean()) && !PassNonfiniteLoss()) return false;
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
  optimizer().accumulated = {};  // until all shards are there: each has gradients of its own
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

Value JointStep::OpenShards() {
  known_->sums.Open(&known_->memory);
  meeting_.mine().shards = static_cast<uint32_t>(known_->memory.shards.size());
  AddGradients(optimizer(), /*before=*/optimizer().TakeGradients(), known_->memory.mask);
  meeting_.mine().loss = optimizer().accumulated = known_->sums.Total();
  if (gathers_only_) known_->sums.ShowMean(optimizer());
  return Value::Nil();
}

}  // namespace eta::parallel
