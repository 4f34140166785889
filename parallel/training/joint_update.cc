#include "parallel/training/joint_update.h"

#include <string>

#include "parallel/training/nonfinite.h"
#include "parallel/training/segment_exchange.h"

namespace eta::parallel {

// From the meeting to its end nobody leaves, so either all ranks commit or none does. Ranks that
// left the work to others come here when it is done, and all that others tell them is in the sums.
bool JointUpdate::Together() {
  const SliceOwner slices = meeting_.slices();
  if (meeting_.works()) {
    CombineMasks();
    MakeSums(slices);
    meeting_.SyncWork();  // all sums are there
  } else {
    TakeMask(known_.owed.owners()[0]->mask);
  }
  OweSums();
  const Nonfinite nonfinite = FirstNonfiniteSum();
  const bool updated = nonfinite.found || Commit([&] { UpdateSlices(slices); });
  meeting_.EndWork();
  if (nonfinite.found) return NonfiniteGradient(nonfinite);
  if (updated) TakeParameters();
  return updated;
}

void JointUpdate::MakeSums(const SliceOwner& slices) {
  if (!slices.owns()) return;
  OwnerMemory& own = *known_.owed.owners()[static_cast<size_t>(slices.owner())];
  own.nonfinite =
      slices.SumGradients(training_.weights, &log(), /*rounded=*/optimizer_.settings.compress);
  if (optimizer_.settings.clipping.by_norm() && shards() == 0) slices.SquareSums(&own.squares);
  if (slices.owner() == 0) own.mask = training_.with_gradient;
}

// The shards' squares are added up by all ranks alike, from all of the sums.
void JointUpdate::OweSums() {
  const auto arenas = tensor::TensorContext::Of(meeting_.vm()).arenas();
  known_.owed.Owe(arenas, optimizer_, known_.memory);
  if (arenas->watched() || shards() > 0) arenas->PayGradients();
}

Nonfinite JointUpdate::FirstNonfiniteSum() const {
  for (const auto& owner : known_.owed.owners()) {
    if (owner->nonfinite.found) return owner->nonfinite;
  }
  return {};
}

void JointUpdate::UpdateSlices(const SliceOwner& slices) {
  optimizer_.BeginUpdate(training_.with_gradient);
  if (optimizer_.settings.clipping.by_norm()) optimizer_.LimitGradients(SquaredSums());
  slices.Update(optimizer_);
  NoteSlicedState();
}

// Others may have begun the next step by now.
void JointUpdate::TakeParameters() {
  if (known_.memory.shares_parameters || !known_.owed.hands_over()) return;
  const PhaseScope updating(&log(), Phase::kUpdate);
  known_.owed.TakeParameters(meeting_.member().rank(), known_.memory.segments);
}

// Of all slices in their order, so with the same bits on all ranks; and with shards on any number
// of them.
double JointUpdate::SquaredSums() {
  if (shards() > 0) return optimizer_.SquaredGradients();
  double squares = 0;
  for (const auto& owner : known_.owed.owners()) {
    for (double slice : owner->squares) squares += slice;  // those of other owners are 0
  }
  return squares;
}

// Each rank updates all of its own replica. All get the same sums, and so decide the same.
bool JointUpdate::Apart() {
  CombineMasks();
  const Nonfinite nonfinite = FirstNonfinite();
  meeting_.Part();
  SliceExchange slices(optimizer_, exchange());
  SliceExchange::Findings findings{.nonfinite = nonfinite};
  if (!nonfinite.found && !meeting_.Passed(FindSums(slices, &findings))) return false;
  if (findings.nonfinite.found) return NonfiniteGradient(findings.nonfinite);
  if (optimizer_.settings.shard) return UpdateOwnSlices(slices, findings.squares);
  return Commit([&] { optimizer_.Update(training_.with_gradient); });
}

// Makes the sums, and says on all ranks alike what is to be known of them. The others count on this
// rank's part.
Status JointUpdate::FindSums(SliceExchange& slices, SliceExchange::Findings* findings) {
  try {
    const Status summed = SumApart(slices);
    if (!summed.ok()) return summed;
    const PhaseScope reducing(&log(), Phase::kReduce);
    if (!SumsAreEverywhere()) return Share(slices.LookAtSlices(), findings);
    findings->nonfinite = FindNonfiniteSum(Gradients(), place_);
    if (optimizer_.settings.shard) findings->squares = optimizer_.SquaredGradients();
    return {};
  } catch (const std::exception& e) {
    return EndBecause("while summing gradients", e);
  }
}

Status JointUpdate::Share(const SliceExchange::Findings& own, SliceExchange::Findings* all) {
  std::vector<SliceExchange::Findings> by_rank(meeting_.records().size());
  const Status status = meeting_.member().Exchange("optim/train-step!", own, std::span(by_rank),
                                                   training_.site.text());
  if (status.ok()) *all = SliceExchange::Combine(by_rank);
  return status;
}

// The squares of the sums of shards are added up in one order only, for any number of ranks.
bool JointUpdate::SumsAreEverywhere() const { return !optimizer_.settings.shard || shards() > 0; }

Status JointUpdate::SumApart(SliceExchange& slices) {
  if (optimizer_.settings.compress || shards() > 0) {
    const Status status = slices.ScatterAddends(Addends(), training_.weights);
    return status.ok() && SumsAreEverywhere() ? slices.GatherGradients() : status;
  }
  const double weight = training_.weights[static_cast<size_t>(meeting_.member().rank())];
  return SumsAreEverywhere() ? SumTensors(Gradients(), weight, exchange())
                             : slices.ScatterGradients(weight);
}

std::vector<tensor::Tensor> JointUpdate::Gradients() const {
  std::vector<tensor::Tensor> all;
  for (const auto& segment : optimizer_.segments()) all.push_back(segment.tensors.gradient);
  return all;
}

// As ScatterAddends wants them.
std::vector<tensor::Tensor> JointUpdate::Addends() const {
  if (shards() > 0) return known_.sums.gradients();
  std::vector<tensor::Tensor> all = Gradients();
  for (tensor::Tensor& gradient : all) gradient = gradient.unsqueeze(0);
  return all;
}

bool JointUpdate::UpdateOwnSlices(SliceExchange& slices, double squares) {
  const bool updated = Commit([&] {
    optimizer_.BeginUpdate(training_.with_gradient);
    if (optimizer_.settings.clipping.by_norm()) optimizer_.LimitGradients(squares);
    slices.UpdateSlices();
    NoteSlicedState();
  });
  return updated && meeting_.Passed(slices.GatherParameters());
}

void JointUpdate::NoteSlicedState() {
  const auto& segments = known_.memory.segments;
  optimizer_.state_is_sliced =
      std::any_of(segments.begin(), segments.end(), [](const auto& segment) {
        return segment.state[0] != nullptr;  // which a segment without elements has not
      });
}

// The sums are there already.
bool JointUpdate::BySums() {
  CombineMasks();
  known_.buckets.Learn(meeting_.records()[0].memory->ready);
  Nonfinite nonfinite = FirstNonfinite();
  meeting_.Part();
  if (!nonfinite.found) {
    const PhaseScope reducing(&log(), Phase::kReduce);
    nonfinite = FindNonfiniteSum(Gradients(), place_);
  }
  if (nonfinite.found) return NonfiniteGradient(nonfinite);
  return Commit([&] { optimizer_.Update(training_.with_gradient); });
}

void JointUpdate::CombineMasks() {
  auto& all = training_.with_gradient;
  all = known_.memory.mask;
  for (const StepRecord& record : meeting_.records()) {
    for (size_t i = 0; i < all.size(); ++i) all[i] |= record.memory->mask[i];
  }
  TakeMask(all);
}

// A gradient that only other ranks have is this rank's too from now on.
void JointUpdate::TakeMask(const tensor::Optimizer::Mask& all) {
  const auto& own = known_.memory.mask;
  training_.with_gradient = all;
  if (all != own) AddGradients(optimizer_, own, all);
}

Nonfinite JointUpdate::FirstNonfinite() const {
  for (const StepRecord& record : meeting_.records()) {
    if (record.memory->nonfinite.found) return record.memory->nonfinite;
  }
  return {};
}

// Half types are updated by operations of libtorch. If memory runs out there, the replicas differ,
// and the world is over.
bool JointUpdate::Commit(c10::function_ref<void()> update) {
  const PhaseScope scope(&log(), Phase::kUpdate);
  try {
    update();
    optimizer_.loss_scale.Advance();
    return true;
  } catch (const std::exception& e) {
    (void)meeting_.Fail(EndBecause("while updating", e));
    return false;
  }
}

// The world is over.
Status JointUpdate::EndBecause(const char* when, const std::exception& e) {
  const int rank = meeting_.member().rank();
  meeting_.member().world().Abort(
      {Code::kPeerFailed, "rank " + std::to_string(rank) + " failed " + when + ": " + e.what(),
       rank});
  return meeting_.member().Poll();
}

bool JointUpdate::NonfiniteGradient(const Nonfinite& nonfinite) {
  if (optimizer_.loss_scale.dynamic()) {
    optimizer_.loss_scale.BackOff();
    return true;
  }
  if (training_.options().on_nonfinite == OnNonfinite::kSkip) {
    optimizer_.buffers.Restore();
    return true;
  }
  const std::string name = NameOf(nonfinite);
  (void)meeting_.Fail(nonfinite.rank, kNonfinite,
                      nonfinite.rank < 0
                          ? "the sum of the ranks' gradients of " + name + " is not finite"
                          : "the gradient of " + name + " on rank " +
                                std::to_string(nonfinite.rank) + " is not finite");
  return false;
}

// The parameter in which it lies.
std::string JointUpdate::NameOf(const Nonfinite& nonfinite) const {
  const auto& segment = optimizer_.segments()[nonfinite.segment];
  const auto element = segment.begin + static_cast<int64_t>(nonfinite.element);
  for (size_t i : segment.parameters) {
    const auto place = optimizer_.PlaceOf(i);
    const auto& entry = place.arena->entries()[place.index];
    if (entry.begin <= element && element < entry.end) return optimizer_.parameters()[i].name;
  }
  return "a parameter";
}

void AddGradients(const tensor::Optimizer& optimizer, const tensor::Optimizer::Mask& before,
                  const tensor::Optimizer::Mask& after) {
  for (size_t i = 0; i < after.size(); ++i) {
    if (after[i] == before[i]) continue;
    const auto place = optimizer.PlaceOf(i);
    place.arena->SetHasGradient(place.index);
  }
}

}  // namespace eta::parallel
