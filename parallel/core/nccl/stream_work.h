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

  bool Done() override;
  Status Wait(Deadline deadline) override;
  Status Join() override { return parts_.done->Block(*parts_.stream); }

 private:
  Parts parts_;
  bool known_ = false;
  Status outcome_;  // if known
};

}  // namespace eta::parallel::nccl
