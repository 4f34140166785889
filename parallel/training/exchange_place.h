// ExchangePlace: where a rank's tensors are when they travel: on the device that the rank was
// given, and in the order of the stream on which its operations run there.
//
//   const ExchangePlace place = ExchangePlace::Of(vm);
//   communicator.Broadcast(place.BufferOf(tensor), root, site);
//
// Thread safety: the isolate's thread; it holds for as long as that changes neither.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>

#include "parallel/core/buffer.h"
#include "parallel/core/device_ops.h"

namespace eta {
class Vm;
}

namespace eta::parallel {

class ExchangePlace {
 public:
  ExchangePlace() = default;  // the CPU
  explicit ExchangePlace(c10::Device device);
  // Of tensors in the CPU's memory that pass for those of a device.
  ExchangePlace(Device device, std::shared_ptr<DeviceStream> stream,
                c10::Device tensors = c10::kCPU)
      : tensors_(tensors), device_(device), stream_(std::move(stream)) {}

  // Of the isolate: what was attached to it, or else the device on which it makes tensors.
  static constexpr const char* kKey = "parallel.exchange-place";
  static ExchangePlace Of(Vm& vm);

  bool on_host() const { return stream_ == nullptr; }
  const Device& device() const { return device_; }
  // Null on the CPU.
  DeviceStream* stream() const { return stream_.get(); }

  // The elements of `tensor`. Throws c10::Error if it is elsewhere, or of a dtype that does not
  // travel. REQUIRES: it is contiguous. Valid as long as this and the tensor's storage are.
  Buffer BufferOf(const at::Tensor& tensor) const;

  // The elements of `tensor` one after the other, here; to be read, as they may be the tensor's
  // own.
  at::Tensor Bring(const at::Tensor& tensor) const;
  // The same in memory of their own.
  at::Tensor Copy(const at::Tensor& tensor) const;

 private:
  c10::Device tensors_ = c10::kCPU;  // where they are
  Device device_;
  std::shared_ptr<DeviceStream> stream_;
};

}  // namespace eta::parallel
