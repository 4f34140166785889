// DeviceOps: what a backend needs of a kind of device other than the CPU: streams, events, memory
// and a little arithmetic. It keeps the device's own library out of parallel/core.
//
// Streams run what is enqueued on them in order. An event marks a point of a stream; another stream
// can be made to wait for that point, without the host waiting.
//
// Thread safety: DeviceOps from any thread; a stream or event from one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "parallel/core/buffer.h"
#include "parallel/core/status.h"

namespace eta::parallel {

// A stream belongs to one device. What is enqueued may run after the stream object is gone.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;
  // What the device's libraries call the stream (a cudaStream_t); never null.
  virtual void* native() const = 0;
};

class DeviceEvent {
 public:
  virtual ~DeviceEvent() = default;
  // Marks the end of what is on the stream now; forgets the former mark.
  virtual Status Record(DeviceStream& stream) = 0;
  // What is enqueued on the stream from now on waits for the mark as it is now.
  virtual Status Block(DeviceStream& stream) = 0;
  // True once the mark is reached. An event without a mark is.
  virtual Result<bool> Passed() = 0;
};

// Giving it up is enqueued: what is on its stream by then may still use it. The stream outlives it.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual void* data() const = 0;
};

class DeviceOps {
 public:
  virtual ~DeviceOps() = default;

  // From now on the calling thread's libraries work on this device.
  virtual Status Use(Device device) = 0;
  virtual Result<std::unique_ptr<DeviceStream>> MakeStream(Device device) = 0;
  virtual Result<std::unique_ptr<DeviceEvent>> MakeEvent(Device device) = 0;
  // Memory that is used on `stream` only, which belongs to the device.
  virtual Result<std::unique_ptr<DeviceMemory>> MakeMemory(Device device, size_t bytes,
                                                           DeviceStream& stream) = 0;

  // --- what is enqueued -------------------------------------------------------------------------
  //
  // Buffers are on the stream's device; their own streams do not matter.

  // Divides the elements, of a floating dtype, by `divisor`.
  virtual Status Divide(const Buffer& buffer, int divisor, DeviceStream& stream) = 0;
  // Of equal dtype and count; the two do not overlap.
  virtual Status Copy(const Buffer& to, const Buffer& from, DeviceStream& stream) = 0;
  // output[i] = (..((x0 + x1) + x2) + ..)[i], in the order of the inputs; for a mean the sum only.
  // Half types may be rounded after each addition. REQUIRES: CanReduce; equal dtypes and counts;
  // `output` is the first input, or overlaps none.
  virtual Status Reduce(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op,
                        DeviceStream& stream) = 0;
};

}  // namespace eta::parallel
