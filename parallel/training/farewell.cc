#include "parallel/training/farewell.h"

#include <ATen/ops/empty.h>

#include <memory>
#include <utility>

#include "parallel/isolate/insight.h"
#include "parallel/training/dtypes.h"
#include "parallel/training/gather_state.h"

namespace eta::parallel {
namespace {

using tensor::Tensor;

bool TakeLeave(Meeting& meeting, ReplicaTraining& training) {
  StepMemory memory;
  auto run = std::make_shared<tensor::RunState>();
  meeting.mine().step = training.steps;
  if (!GatherAllStates(meeting, memory, training, StepRecord::Phase::kSave) ||
      !GatherStreams(meeting, memory, training, run.get())) {
    return false;
  }
  training.farewell = std::move(run);
  return true;
}

}  // namespace

Value EndTogether(const Meeting& meeting, ReplicaTraining& training, Value result) {
  const int signal = SignalOf(meeting.records());
  if (signal == 0 || training.farewell) return result;
  Meeting last(meeting.vm(), training, meeting.info(), meeting.args());
  return TakeLeave(last, training) ? EndStep(meeting.vm(), Value::Nil(), signal) : Value::Failure();
}

bool MeetToSave(Meeting& meeting, StepMemory& memory) {
  meeting.Open(&memory);
  meeting.mine().optimizer = 0;
  if (!meeting.Meet(StepRecord::Phase::kSave)) return false;
  meeting.Part();
  return true;
}

bool GatherStreams(Meeting& meeting, StepMemory& memory, ReplicaTraining& training,
                   tensor::RunState* run) {
  auto& context = tensor::TensorContext::Of(meeting.vm());
  {
    const tensor::RankStream own_randomness(context);
    context.generator();  // a rank that never had rows has drawn nothing yet
  }
  run->streams = context.GetStreams();
  run->batches = training.batches;
  run->own_streams.resize(training.records.size());
  meeting.mine().layout = run->streams.own.size();
  if (!MeetToSave(meeting, memory)) return false;
  const ExchangePlace place = ExchangePlace::Of(meeting.vm());
  for (const auto& [device, own] : run->streams.own) {
    const Tensor mine = place.Bring(own);
    const auto size = static_cast<size_t>(mine.numel());
    const Tensor all =
        at::empty({static_cast<int64_t>(run->own_streams.size()), mine.numel()}, mine.options());
    const std::vector<size_t> counts(run->own_streams.size(), size);
    const Status status =
        meeting.member()
            .communicator()
            .AllGather(place.BufferOf(mine), place.BufferOf(all), counts, training.site.text())
            .Wait(Deadline::max());
    if (!meeting.Passed(status)) return false;
    for (size_t rank = 0; rank < counts.size(); ++rank) {
      run->own_streams[rank][device] = all[static_cast<int64_t>(rank)].to(own.device()).clone();
    }
  }
  return true;
}

}  // namespace eta::parallel
