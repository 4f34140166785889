#include "parallel/training/joint_step.h"

#include <cmath>
#include <utility>

#include "parallel/isolate/no_sync.h"
#include "parallel/training/blas_check.h"
#include "parallel/training/hash.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/rows.h"
#include "parallel/training/segment_exchange.h"
#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

using tensor::Call;
using tensor::Tensor;

}  // namespace

JointStep::JointStep(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
    : training_(training), gathers_only_(NoSync::IsOn(vm)), meeting_(vm, training, info, args) {
  meeting_.mine().step = training_.steps + 1;
  if (gathers_only_) return;
  meeting_.member().SetStep(++training_.steps);
}

Value JointStep::Run() {
  const bool done = Enter() && Forward() && DoBackward() && (gathers_only_ || Reduce());
  // After a failure too: a step that some rank has no gradients for can only begin anew.
  if (known_ != nullptr && !(done && gathers_only_)) optimizer().accumulated = {};
  if (!done) return Value::Failure();
  return gathers_only_ ? Value::Double(loss_.mean()) : meeting_.End(Value::Double(totals_.mean()));
}

// --- Enter --------------------------------------------------------------------------------------

bool JointStep::Enter() {
  if (!meeting_.Try([&](Call& call) { return Begin(call); })) return false;
  if (known_->entered && optimizer().LayoutHolds()) {
    meeting_.mine().layout = optimizer().LayoutSignature() ^ known_->structure;
    return true;
  }
  return SaveState() && meeting_.Try([&](Call& call) { return LayOut(call); }) && AgreeOnStart() &&
         CheckBlas();
}

Value JointStep::Begin(Call& call) {
  if (!ReadStepArguments(call, &arguments_)) return Value::Failure();
  known_ = &training_.Know(*arguments_.optimizer);
  meeting_.mine().optimizer = known_->number;
  meeting_.Open(&known_->memory);
  if (training_.options().split) TakeOwnRows();
  return Value::Nil();
}

void JointStep::TakeOwnRows() {
  const int rank = meeting_.member().rank(), size = meeting_.member().size();
  arguments_.input = Shard(arguments_.input, rank, size);
  arguments_.target = Shard(arguments_.target, rank, size);
}

// Where the layout changes, slices do too; each rank needs the whole state first.
bool JointStep::SaveState() {
  if (!optimizer().state_is_sliced) return true;
  if (!meeting_.Meet(StepRecord::Phase::kSave)) return false;
  SliceOwner(meeting_.member().rank(), meeting_.records()).CollectState();
  meeting_.Part();
  optimizer().state_is_sliced = false;
  return true;
}

Value JointStep::LayOut(Call&) {
  optimizer().Prepare();
  StepMemory& memory = known_->memory;
  memory.segments = MemoryOf(optimizer());
  memory.structure = DescribeStructure(**arguments_.model, optimizer());
  memory.initial = InitialMemory(**arguments_.model, optimizer());
  known_->structure = HashOf(memory.structure);
  meeting_.mine().layout = optimizer().LayoutSignature() ^ known_->structure;
  meeting_.mine().batch = training_.options().split ? 0 : HashOfBatch();
  return Value::Nil();
}

bool JointStep::AgreeOnStart() {
  if (!meeting_.Meet(StepRecord::Phase::kEnter)) return false;
  Status copied;
  if (communicator().SharesMemory()) {
    SliceOwner(meeting_.member().rank(), meeting_.records()).CopyInitial();
    meeting_.Part();
  } else {
    meeting_.Part();
    copied = CopyFromFirst(known_->memory.initial, communicator(), training_.site.text());
  }
  known_->entered = copied.ok();
  if (!copied.ok()) (void)meeting_.Fail(copied);
  return copied.ok();
}

// Once, when all ranks have just met and so do it at the same time.
bool JointStep::CheckBlas() {
  if (std::exchange(training_.checked_blas, true)) return true;
  return meeting_.Try([&](Call& call) {
    const int wrong = CountWrongProducts(kProductsToCheck);
    if (wrong == 0) return Value::Nil();
    return call.Fail(
        "the BLAS of this libtorch cannot be used by several threads: " + std::to_string(wrong) +
        " of " + std::to_string(kProductsToCheck) + " matrix products were wrong");
  });
}

uint64_t JointStep::HashOfBatch() const {
  return (HashOf(arguments_.input) ^ (3 * HashOf(arguments_.target))) | 1;  // 0 stands for none
}

// --- Forward, backward ---------------------------------------------------------------------------

// A rank without rows has nothing to compute, and a loss of 0 / 0 to contribute.
bool JointStep::Forward() {
  const PhaseScope scope(&log(), Phase::kForward);
  return meeting_.Try([&](Call& call) {
    if (optimizer().accumulated.denominator == 0) optimizer().ZeroGradients();
    meeting_.mine().rows = RowsOf(arguments_.input);
    return meeting_.mine().rows > 0 ? ComputeLoss(call, arguments_, &loss_) : Value::Nil();
  });
}

// The gradients are those of the mean over this rank's rows; Reduce weighs them.
bool JointStep::DoBackward() {
  const PhaseScope scope(&log(), Phase::kBackward);
  return meeting_.Try([&](Call& call) {
    call.Commit();  // a second pass would add to what the first one left
    if (loss_.denominator != 0 && std::isfinite(loss_.numerator())) {
      Accumulate(loss_, &optimizer());
    } else {
      CountIn(loss_, &optimizer());
    }
    known_->memory.mask = optimizer().TakeGradients();
    FindGradients(optimizer(), known_->memory.segments);
    meeting_.mine().numerator = optimizer().accumulated.numerator;
    meeting_.mine().denominator = optimizer().accumulated.denominator;
    meeting_.mine().adds = optimizer().accumulated.adds;
    return Value::Nil();
  });
}

// --- Reduce -------------------------------------------------------------------------------------

bool JointStep::Reduce() {
  const bool together = communicator().SharesMemory();
  // Whose gradient is not finite has to be known before the sums of others mix with it.
  if (!together) known_->memory.nonfinite = LookForNonfinite(meeting_.member().rank());
  if (!meeting_.Meet(StepRecord::Phase::kReduce)) return false;
  totals_ = TotalLoss(meeting_.records());
  if (SameBatchEverywhere(meeting_.records())) WarnOfSameBatch();
  if (!std::isfinite(totals_.mean())) return NonfiniteLoss();
  ComputeWeights(meeting_.records(), &training_.weights);
  return together ? ReduceTogether() : ReduceApart();
}

// From the meeting to its end nobody leaves, so either all ranks commit or none does.
bool JointStep::ReduceTogether() {
  const SliceOwner slices(meeting_.member().rank(), meeting_.records());
  known_->memory.nonfinite = slices.SumGradients(training_.weights, &log());
  if (optimizer().settings.clipping.by_norm()) {
    known_->memory.squares = slices.SquaredSums(optimizer());
  }
  CombineMasks();
  meeting_.Sync();  // all sums are there
  const Nonfinite nonfinite = FirstNonfinite();
  const bool updated = nonfinite.found || Commit([&] { UpdateSlices(slices); });
  meeting_.Part();
  return nonfinite.found ? NonfiniteGradient(nonfinite) : updated;
}

void JointStep::UpdateSlices(const SliceOwner& slices) {
  optimizer().BeginUpdate(training_.with_gradient);
  if (optimizer().settings.clipping.by_norm()) {
    double squares = 0;  // in the order of the ranks: the same bits on all
    for (const StepRecord& record : meeting_.records()) squares += record.memory->squares;
    optimizer().LimitGradients(squares);
  }
  slices.Update(optimizer());
  const auto& segments = known_->memory.segments;
  optimizer().state_is_sliced = !segments.empty() && segments[0].state[0] != nullptr;
}

// Each rank updates all of its own replica. All get the same sums, and so decide the same.
bool JointStep::ReduceApart() {
  const auto& segments = known_->memory.segments;
  CombineMasks();
  Nonfinite nonfinite = FirstNonfinite();
  meeting_.Part();
  if (!nonfinite.found) {
    const Status summed = SumGradients(segments, training_.weights[meeting_.member().rank()],
                                       communicator(), training_.site.text(), log());
    if (!summed.ok()) {
      (void)meeting_.Fail(summed);
      return false;
    }
    nonfinite = LookForNonfinite(/*rank=*/-1);
  }
  if (nonfinite.found) return NonfiniteGradient(nonfinite);
  return Commit([&] { optimizer().Update(training_.with_gradient); });
}

// Among the gradients, or their sums.
Nonfinite JointStep::LookForNonfinite(int rank) {
  const PhaseScope reducing(&log(), Phase::kReduce);
  return FindNonfinite(known_->memory.segments, rank);
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

// A gradient that only other ranks have is this rank's too from now on.
void JointStep::CombineMasks() {
  const auto& own = known_->memory.mask;
  auto& all = training_.with_gradient;
  all = own;
  for (const StepRecord& record : meeting_.records()) {
    for (size_t i = 0; i < all.size(); ++i) all[i] |= record.memory->mask[i];
  }
  if (all == own) return;
  const auto& arenas = *tensor::TensorContext::Of(meeting_.vm()).arenas();
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == own[i]) continue;
    const auto* place = arenas.Find(optimizer().parameters()[i].tensor);
    place->arena->SetHasGradient(place->index);
  }
}

Nonfinite JointStep::FirstNonfinite() const {
  for (const StepRecord& record : meeting_.records()) {
    if (record.memory->nonfinite.found) return record.memory->nonfinite;
  }
  return {};
}

// Half types are updated by operations of libtorch. If memory runs out there, the replicas differ,
// and the world is over.
bool JointStep::Commit(c10::function_ref<void()> update) {
  const PhaseScope scope(&log(), Phase::kUpdate);
  try {
    update();
    return true;
  } catch (const std::exception& e) {
    const int rank = meeting_.member().rank();
    const Status status{Code::kPeerFailed,
                        "rank " + std::to_string(rank) + " failed while updating: " + e.what(),
                        rank};
    meeting_.member().world().Abort(status);
    (void)meeting_.Fail(meeting_.member().Poll());
    return false;
  }
}

bool JointStep::NonfiniteGradient(const Nonfinite& nonfinite) {
  if (training_.options().on_nonfinite == OnNonfinite::kSkip) return true;
  const std::string name = NameOf(nonfinite);
  (void)meeting_.Fail(nonfinite.rank, kNonfinite,
                      nonfinite.rank < 0
                          ? "the sum of the ranks' gradients of " + name + " is not finite"
                          : "the gradient of " + name + " on rank " +
                                std::to_string(nonfinite.rank) + " is not finite");
  return false;
}

// The parameter in which it lies.
std::string JointStep::NameOf(const Nonfinite& nonfinite) {
  const auto& segment = optimizer().segments()[nonfinite.segment];
  const auto element = segment.begin + static_cast<int64_t>(nonfinite.element);
  const auto& arenas = *tensor::TensorContext::Of(meeting_.vm()).arenas();
  for (size_t i : segment.parameters) {
    const auto* place = arenas.Find(optimizer().parameters()[i].tensor);
    const auto& entry = place->arena->entries()[place->index];
    if (entry.begin <= element && element < entry.end) return optimizer().parameters()[i].name;
  }
  return "a parameter";
}

}  // namespace eta::parallel
