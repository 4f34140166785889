#include "parallel/training/gather_state.h"

#include "parallel/training/slice_owner.h"

namespace eta::parallel {

bool GatherState(Meeting& meeting, KnownOptimizer& known) {
  const auto optimizer = known.optimizer.lock();
  if (!optimizer->state_is_sliced) return true;
  meeting.Open(&known.memory);
  meeting.mine().optimizer = known.number;
  if (!meeting.Meet(StepRecord::Phase::kSave)) return false;
  SliceOwner(meeting.member().rank(), meeting.records()).CollectState();
  meeting.Part();
  optimizer->state_is_sliced = false;
  return true;
}

}  // namespace eta::parallel
