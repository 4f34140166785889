#include "parallel/training/initial_values.h"

#include "parallel/training/segment_exchange.h"

namespace eta::parallel {

bool TakeInitialValues(Meeting& meeting, int from, const StepMemory& own, const std::string& site) {
  Communicator& communicator = meeting.member().communicator();
  if (communicator.SharesMemory()) {
    meeting.slices().CopyInitial(from);
    meeting.Part();
    return true;
  }
  meeting.Part();
  return meeting.Passed(CopyFrom(from, own.initial, communicator, site));
}

}  // namespace eta::parallel
