#include "parallel/training/exchange_place.h"

#include <ATen/ops/empty.h>

#include "parallel/training/dtypes.h"
#include "parallel/training/torch_device.h"
#include "torch/context.h"
#include "vm/vm.h"

namespace eta::parallel {
namespace {

Device FromTorch(c10::Device device) {
  if (device.is_cpu()) return {};
  return {Device::Kind::kCuda, static_cast<int16_t>(device.index())};
}

}  // namespace

ExchangePlace::ExchangePlace(c10::Device device)
    : tensors_(device), device_(FromTorch(device)), stream_(CurrentStream(device)) {}

ExchangePlace ExchangePlace::Of(Vm& vm) {
  const auto* attached = vm.Attachment<ExchangePlace>(kKey);
  return attached ? *attached : ExchangePlace(tensor::TensorContext::Of(vm).device());
}

Buffer ExchangePlace::BufferOf(const at::Tensor& tensor) const {
  TORCH_CHECK(tensor.device() == tensors_, "this replica exchanges tensors on ", tensors_.str(),
              ", this one is on ", tensor.device().str());
  return {.data = tensor.data_ptr(),
          .count = static_cast<size_t>(tensor.numel()),
          .dtype = DTypeOf(tensor.scalar_type()),
          .device = device_,
          .stream = stream()};
}

at::Tensor ExchangePlace::Bring(const at::Tensor& tensor) const {
  return tensor.detach().to(tensors_).contiguous();
}

at::Tensor ExchangePlace::Copy(const at::Tensor& tensor) const {
  return at::empty(tensor.sizes(), tensor.options().device(tensors_).requires_grad(false))
      .copy_(tensor.detach());
}

}  // namespace eta::parallel
