#include "parallel/training/gather_state.h"

#include "parallel/training/slice_exchange.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {

bool GatherState(Meeting& meeting, KnownOptimizer& known, Site site) {
  const auto optimizer = known.optimizer.lock();
  if (!optimizer->state_is_sliced) return true;
  meeting.Open(&known.memory);
  meeting.mine().optimizer = known.number;
  if (!meeting.Meet(StepRecord::Phase::kSave)) return false;
  Communicator& communicator = meeting.member().communicator();
  const bool together = communicator.SharesMemory();
  if (together) SliceOwner(meeting.member().rank(), meeting.records()).CollectState();
  meeting.Part();
  if (!together) {
    SliceExchange exchange(known.memory.segments, communicator, site);
    if (!meeting.Passed(exchange.GatherState())) return false;
  }
  optimizer->state_is_sliced = false;
  return true;
}

}  // namespace eta::parallel
