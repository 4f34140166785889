// ExchangePlace: where a rank's tensors are when they travel: on the device that the rank was
// given, and in the order of the stream on which its operations run there.
//
// Thread safety: the isolate's thread; it holds for as long as that changes neither.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "parallel/core/buffer.h"
#include "parallel/core/device_ops.h"

namespace eta::parallel {

class ExchangePlace {
 public:
  ExchangePlace() = default;  // the CPU
  explicit ExchangePlace(c10::Device device);

  bool on_host() const { return stream_ == nullptr; }
  Device device() const;
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
  c10::Device device_ = c10::kCPU;
  std::shared_ptr<DeviceStream> stream_;
};

}  // namespace eta::parallel
