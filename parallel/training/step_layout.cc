#include "parallel/training/step_layout.h"

#include <ATen/ops/zeros.h>

#include <set>
#include <string>
#include <utility>

#include "parallel/core/bucket_probe.h"
#include "parallel/training/blas_check.h"
#include "parallel/training/gather_state.h"
#include "parallel/training/hash.h"
#include "parallel/training/initial_values.h"

namespace eta::parallel {

using tensor::Call;

bool TakesBuckets(Communicator& communicator, const ExchangePlace& place, size_t count) {
  return communicator.TakesBuckets(count) || !place.on_host();
}

bool StepLayout::Know() {
  if (known_.entered && optimizer().LayoutHolds()) {
    meeting_.mine().layout = optimizer().LayoutSignature() ^ known_.structure;
    return true;
  }
  meeting_.mine().entering = true;
  // Where the layout changes, slices do too; each rank needs the whole state first.
  return GatherState(meeting_, known_, training_.site.text()) &&
         meeting_.Try([&](Call& call) { return LayOut(call); }) && AgreeOnStart() &&
         SizeBuckets() && CheckBlas();
}

Value StepLayout::LayOut(Call& call) {
  call.context().arenas()->PayGradients();  // which are noted in the memory that is made anew
  known_.registered.Release();
  known_.shared.Leave();
  optimizer().Prepare();
  // There are no more buckets than parameters.
  if (TakesBuckets(communicator(), place_, optimizer().parameters().size())) {
    known_.buckets.LayOut(optimizer(), training_.news);
  }
  if (WantsProbe()) {
    const auto options = at::TensorOptions().dtype(at::kFloat).device(call.context().device());
    probe_ = at::zeros({LinkTimes::kLargeBytes / sizeof(float)}, options);
  }
  known_.sums.Clear();
  StepMemory& memory = known_.memory;
  memory.segments = MemoryOf(optimizer(), place_);
  if (communicator().SharesMemory()) {
    const bool shares_cores = meeting_.owners() < meeting_.member().size();
    OwedSums::LayOut(optimizer(), shares_cores, &memory);
    const bool is_alone = LeaveSharedParameters();
    memory.file.reset();
    if (shares_cores && is_alone && meeting_.member().rank() == 0) {
      memory.file = ParameterFile::Of(optimizer());
    }
  }
  memory.structure = DescribeStructure(**arguments_.model, optimizer());
  memory.optimizer = &optimizer();
  memory.initial = InitialMemory(**arguments_.model, optimizer(), place_);
  known_.structure = HashOf(memory.structure);
  meeting_.mine().layout = optimizer().LayoutSignature() ^ known_.structure;
  meeting_.mine().batch = HashOfBatch();
  return Value::Nil();
}

// Two optimizers cannot both have owners write to the parameters that they have in common. Returns
// whether there is no other one.
bool StepLayout::LeaveSharedParameters() {
  const auto arenas = [](const tensor::Optimizer& optimizer) {
    std::set<const tensor::ParameterArena*> all;
    for (const auto& segment : optimizer.segments()) all.insert(segment.arena.get());
    return all;
  };
  const auto own = arenas(optimizer());
  bool is_alone = true;
  for (const auto& other : training_.known()) {
    const auto theirs = other->optimizer.lock();
    if (theirs == nullptr || other.get() == &known_) continue;
    for (const auto* arena : arenas(*theirs)) {
      if (!own.contains(arena)) continue;
      other->shared.Leave();
      is_alone = false;
    }
  }
  return is_alone;
}

bool StepLayout::AgreeOnStart() {
  if (!meeting_.Meet(StepRecord::Phase::kEnter)) return false;
  known_.common = true;
  const auto file = meeting_.records()[0].memory->file;
  if (communicator().SharesMemory()) known_.owed.Know(meeting_.records(), meeting_.owners());
  known_.entered = TakeInitialValues(meeting_, /*from=*/0, known_.memory, training_.site.text());
  if (known_.entered && file != nullptr) {
    known_.entered = meeting_.Try([&](Call&) {
      known_.shared.Enter(file, &known_.memory);
      return Value::Nil();
    });
  }
  meeting_.mine().entering = !known_.entered;
  if (known_.entered) known_.watch.LayOut(AllParameters(**arguments_.model, optimizer()));
  return known_.entered;
}

// Once, when all ranks have just met and so do it at the same time.
bool StepLayout::CheckBlas() {
  if (std::exchange(training_.checked_blas, true)) return true;
  return meeting_.Try([&](Call& call) {
    const int wrong = CountWrongProducts(kProductsToCheck);
    if (wrong == 0) return Value::Nil();
    return call.Fail(
        "the BLAS of this libtorch cannot be used by several threads: " + std::to_string(wrong) +
        " of " + std::to_string(kProductsToCheck) + " matrix products were wrong");
  });
}

// Whether the ranks are to time collectives: once, where buckets would be others for it. All ranks
// say the same, whether they gather only or not.
bool StepLayout::WantsProbe() {
  return goes_by_buckets_ && training_.bucket_cap == 0 && communicator().size() > 1 &&
         known_.buckets.DependOnCap();
}

bool StepLayout::SizeBuckets() {
  if (probe_.defined()) {
    const PhaseScope waiting(&meeting_.member().log(), Phase::kWait);
    const auto cap = ProbeBucketCap(meeting_.member(), place_.BufferOf(std::exchange(probe_, {})),
                                    training_.site.text());
    if (!cap) return meeting_.Passed(cap.error());
    training_.bucket_cap = *cap;
  }
  if (training_.bucket_cap != 0) known_.buckets.SetCap(training_.bucket_cap);
  return true;
}

uint64_t StepLayout::HashOfBatch() const {
  return (HashOf(arguments_.input) ^ (3 * HashOf(arguments_.target))) | 1;  // 0 stands for none
}

}  // namespace eta::parallel
