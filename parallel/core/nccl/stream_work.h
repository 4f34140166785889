// StreamWork: a collective that runs on a stream, as the rank that started it sees it.
#pragma once

#include <functional>
#include <memory>

#include "parallel/core/board.h"
#include "parallel/core/device_ops.h"
#include "parallel/core/work.h"

namespace eta::parallel::nccl {

// Thread safety: the rank's own thread.
class StreamWork final : public PendingWork {
 public:
  struct Parts {
    Board& board;
    int rank;
    std::shared_ptr<DeviceEvent> done;  // the end of the collective
    DeviceStream* stream;               // the buffers'
    // Given how the device is, whether the collective goes on; not ok: the world is over.
    std::function<Status(Status)> check;
    PhaseRecord record;  // of the collective, but for its end; logged when that is seen
  };

  explicit StreamWork(Parts parts) : parts_(std::move(parts)) {}
  // After an abort the device may still be at the buffers: gives it a moment to leave them.
  ~StreamWork() override;

  bool Done() override;
  Status Wait(Deadline deadline) override;
  Status Join() override { return parts_.done->Block(*parts_.stream); }

 private:
  Parts parts_;
  bool known_ = false;
  Status outcome_;  // if known
};

// What was enqueued, as a work; if the buffers have no stream, or the world is over, when it has
// come to its end.
Work Started(StreamWork::Parts parts);

// Of a collective that is about to be launched, which exchanges so much.
PhaseRecord LaunchRecord(const PhaseLog& log, uint64_t bytes);

}  // namespace eta::parallel::nccl
