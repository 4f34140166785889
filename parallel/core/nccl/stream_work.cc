#include "parallel/core/nccl/stream_work.h"

#include <thread>

namespace eta::parallel::nccl {
namespace {

// Collectives take from some microseconds on; a core is not burnt for longer than that.
constexpr int kSpins = 100;
constexpr std::chrono::microseconds kPause(20);

}  // namespace

bool StreamWork::Done() {
  if (known_) return true;
  const Result<bool> passed = parts_.done->Passed();
  // After an abort the stream goes on without the result, so this has to come second.
  if (parts_.board.aborted()) {
    outcome_ = parts_.board.Acknowledge(parts_.rank);
  } else if (!passed || !*passed) {
    outcome_ = parts_.check(passed ? Status{} : passed.error());
  }
  known_ = !outcome_.ok() || (passed && *passed);
  if (known_ && outcome_.ok()) {
    parts_.record.end_ns = PhaseClock();
    parts_.board.log(parts_.rank).Add(parts_.record);
  }
  return known_;
}

Status StreamWork::Wait(Deadline deadline) {
  if (known_) return outcome_;
  const PhaseScope scope(&parts_.board.log(parts_.rank), Phase::kWait);
  const Board::Waiting waiting(parts_.board, parts_.rank);
  for (int i = 0; !Done(); ++i) {
    if (Clock::now() >= deadline) return {Code::kStalled, "the collective still runs", -1};
    if (i < kSpins) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kPause);
    }
  }
  return outcome_;
}

}  // namespace eta::parallel::nccl
