#include "parallel/training/device_arithmetic.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include "parallel/training/dtypes.h"

namespace eta::parallel {
namespace {

// Naming the device keeps libtorch from asking the driver where the memory is.
at::Tensor View(const Buffer& buffer) {
  const c10::Device device = ToTorch(buffer.device);
  const int64_t sizes[] = {static_cast<int64_t>(buffer.count)};
  return at::for_blob(buffer.data, sizes)
      .options(at::TensorOptions().dtype(ScalarTypeOf(buffer.dtype)).device(device))
      .target_device(device)
      .make_tensor();
}

void Combine(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kMean:
      at::add_out(out, a, b);
      return;
    case ReduceOp::kMax:
      at::maximum_out(out, a, b);
      return;
    case ReduceOp::kMin:
      at::minimum_out(out, a, b);
      return;
  }
}

}  // namespace

c10::Device ToTorch(Device device) {
  if (device.kind == Device::Kind::kCpu) return c10::kCPU;
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(device.index)};
}

void DivideElements(const Buffer& buffer, int divisor) { View(buffer).div_(divisor); }

void CopyElements(const Buffer& to, const Buffer& from) { View(to).copy_(View(from)); }

void ReduceElements(const Buffer& output, std::span<const Buffer> inputs, ReduceOp op) {
  if (inputs.size() == 1) {
    if (output.data != inputs[0].data) CopyElements(output, inputs[0]);
    return;
  }
  at::Tensor out = View(output);
  Combine(out, View(inputs[0]), View(inputs[1]), op);
  for (const Buffer& next : inputs.subspan(2)) Combine(out, out, View(next), op);
}

}  // namespace eta::parallel
