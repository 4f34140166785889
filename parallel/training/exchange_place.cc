#include "parallel/training/exchange_place.h"

#include <ATen/ops/empty.h>

#include "parallel/training/dtypes.h"
#include "parallel/training/torch_device.h"

namespace eta::parallel {

ExchangePlace::ExchangePlace(c10::Device device)
    : device_(device), stream_(CurrentStream(device)) {}

Device ExchangePlace::device() const {
  if (device_.is_cpu()) return {};
  return {Device::Kind::kCuda, static_cast<int16_t>(device_.index())};
}

Buffer ExchangePlace::BufferOf(const at::Tensor& tensor) const {
  TORCH_CHECK(tensor.device() == device_, "this replica exchanges tensors on ", device_.str(),
              ", this one is on ", tensor.device().str());
  return {.data = tensor.data_ptr(),
          .count = static_cast<size_t>(tensor.numel()),
          .dtype = DTypeOf(tensor.scalar_type()),
          .device = device(),
          .stream = stream()};
}

at::Tensor ExchangePlace::Bring(const at::Tensor& tensor) const {
  return tensor.detach().to(device_).contiguous();
}

at::Tensor ExchangePlace::Copy(const at::Tensor& tensor) const {
  return at::empty(tensor.sizes(), tensor.options().device(device_).requires_grad(false))
      .copy_(tensor.detach());
}

}  // namespace eta::parallel
