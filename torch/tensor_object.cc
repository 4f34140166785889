#include "torch/tensor_object.h"

#include "torch/transfer.h"

namespace eta::tensor {
namespace {

constexpr ForeignTransfer kTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      return Guarded(transfer, "a tensor", [&] {
        return new Tensor(CopyTensor(transfer, *static_cast<const Tensor*>(data)));
      });
    },
};

}  // namespace

const ForeignType kTensorType = {
    .name = "tensor",
    .finalize = [](void* data) { delete static_cast<Tensor*>(data); },
    .transfer = &kTransfer,
};

Value WrapTensor(Vm& vm, Tensor tensor) {
  ETA_CHECK(tensor.defined());
  return vm.heap().Foreign(&kTensorType, new Tensor(std::move(tensor)));
}

}  // namespace eta::tensor
