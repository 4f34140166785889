#include "parallel/training/gather_state.h"

#include <algorithm>

#include "parallel/training/slice_exchange.h"

namespace eta::parallel {

bool GatherState(Meeting& meeting, KnownOptimizer& known, Site site) {
  const auto optimizer = known.optimizer.lock();
  if (!optimizer->state_is_sliced) return true;
  meeting.Open(&known.memory);
  meeting.mine().optimizer = known.number;
  if (!meeting.Meet(StepRecord::Phase::kSave)) return false;
  Communicator& communicator = meeting.member().communicator();
  const bool together = communicator.SharesMemory();
  if (together) {
    meeting.slices().CollectState();
  }
  meeting.Part();
  if (!together) {
    const ExchangePlace place = ExchangePlace::Of(meeting.vm());
    SliceExchange slices(*optimizer, {place, communicator, site, meeting.member().log()});
    if (!meeting.Passed(slices.GatherState())) return false;
  }
  optimizer->state_is_sliced = false;
  return true;
}

bool GatherStates(Meeting& meeting, ReplicaTraining& training, std::span<const uint32_t> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [&](uint32_t number) {
    return GatherState(meeting, *training.Find(number), training.site.text());
  });
}

bool GatherAllStates(Meeting& meeting, StepMemory& memory, ReplicaTraining& training,
                     StepRecord::Phase phase) {
  memory.sliced = SlicedHere(training);
  meeting.Open(&memory);
  if (!meeting.Meet(phase)) return false;
  const std::vector<uint32_t> numbers = SlicedEverywhere(meeting.records());
  meeting.Part();
  return GatherStates(meeting, training, numbers);
}

std::vector<uint32_t> SlicedHere(ReplicaTraining& training) {
  std::vector<uint32_t> numbers;
  for (const auto& known : training.known()) {
    const auto optimizer = known->optimizer.lock();
    if (optimizer && optimizer->state_is_sliced) numbers.push_back(known->number);
  }
  return numbers;
}

std::vector<uint32_t> SlicedEverywhere(std::span<const StepRecord> records) {
  std::vector<uint32_t> numbers = records[0].memory->sliced;
  for (const StepRecord& record : records) {
    const auto& theirs = record.memory->sliced;
    std::erase_if(numbers, [&](uint32_t number) {
      return std::find(theirs.begin(), theirs.end(), number) == theirs.end();
    });
  }
  return numbers;
}

}  // namespace eta::parallel
