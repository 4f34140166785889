// Devices whose memory is the host's: a stream is a queue with a thread. With them, what is written
// for GPUs runs without one.
#pragma once

#include <functional>
#include <memory>

#include "parallel/core/device_ops.h"

namespace eta::parallel {

// Thread safety: any thread.
class HostStream final : public DeviceStream {
 public:
  HostStream();
  // Waits until all that was enqueued is done.
  ~HostStream() override;
  HostStream(const HostStream&) = delete;
  HostStream& operator=(const HostStream&) = delete;

  // A HostStream*, which what it is handed to casts back.
  void* native() const override { return const_cast<HostStream*>(this); }

  // Virtual, so that a shared object which was handed the stream needs no symbols of ours.
  virtual void Enqueue(std::function<void()> task);
  // True when nothing is left to do.
  bool Idle() const;

 private:
  struct Queue;
  const std::unique_ptr<Queue> queue_;
};

// Serves any device.
std::shared_ptr<DeviceOps> MakeHostDeviceOps();

}  // namespace eta::parallel
