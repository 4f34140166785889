// DeviceGraph: work that is enqueued on a device once, and launched as a whole from then on, such
// as a CUDA graph. Here is no device's own interface: whoever brings a device registers a maker.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>
#include <c10/util/FunctionRef.h>

#include <memory>
#include <string>

namespace eta::tensor {

// Thread safety: one thread at a time.
class DeviceGraph {
 public:
  // Waits until what it launched is done.
  virtual ~DeviceGraph() = default;

  // What `enqueue` enqueues on the thread's stream becomes the graph, and does not run. Memory that
  // it takes from libtorch's allocator is the graph's, and so are the places of all tensors that it
  // uses. Random operations draw from `generator` when they are launched. Throws what `enqueue`
  // throws, and what the device has against it; then nothing has changed, and the graph is of no
  // use. To be called once.
  virtual void Capture(const at::Generator& generator, c10::function_ref<void()> enqueue) = 0;

  // Enqueues all of it on the thread's stream. REQUIRES: Capture has succeeded.
  virtual void Launch() = 0;
};

// Graphs that are launched one after the other in the order in which they were captured, always the
// same, and so may share memory. Thread safety: one thread at a time.
class DeviceGraphs {
 public:
  virtual ~DeviceGraphs() = default;
  // Runs `enqueue` where Capture would have it recorded: libraries make ready what they keep for a
  // thread and a stream.
  virtual void WarmUp(c10::function_ref<void()> enqueue) = 0;
  virtual std::unique_ptr<DeviceGraph> Make() = 0;
};

// May throw.
using DeviceGraphsMaker = std::unique_ptr<DeviceGraphs> (*)(c10::Device device);

// The graphs of all devices of a type. REQUIRES: nobody asks for them yet.
void RegisterDeviceGraphs(c10::DeviceType type, DeviceGraphsMaker make);

// Null: `problem` says why there are none. ETA_GRAPHS=0 in the environment forbids them.
std::unique_ptr<DeviceGraphs> MakeDeviceGraphs(c10::Device device, std::string* problem);

}  // namespace eta::tensor
