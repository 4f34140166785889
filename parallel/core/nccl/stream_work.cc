#include "parallel/core/nccl/stream_work.h"

#include <thread>

namespace eta::parallel::nccl {
namespace {

// Collectives take from some microseconds on; a core is not burnt for longer than that.
constexpr int kSpins = 100;
constexpr std::chrono::microseconds kPause(20);

// Streams go on as soon as the abort thread has ended what they are in. One that does not holds
// nobody up for longer than this.
constexpr std::chrono::milliseconds kDrainTime(500);

}  // namespace

StreamWork::~StreamWork() {
  if (!parts_.board.aborted()) return;
  const Deadline end = Clock::now() + kDrainTime;
  for (;;) {
    const Result<bool> passed = parts_.done->Passed();
    if (!passed || *passed || Clock::now() >= end) return;
    std::this_thread::sleep_for(kPause);
  }
}

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

Work Started(StreamWork::Parts parts) {
  const bool waits = parts.stream == nullptr || parts.board.aborted();
  Work work(std::make_unique<StreamWork>(std::move(parts)));
  // The watcher ends it if it does not end by itself.
  if (waits) (void)work.Wait(Deadline::max());
  return work;
}

PhaseRecord LaunchRecord(const PhaseLog& log, uint64_t bytes) {
  PhaseRecord record = log.now();
  record.bytes = bytes;
  record.begin_ns = PhaseClock();
  return record;
}

}  // namespace eta::parallel::nccl
