#include "torch/tensor_object.h"

namespace eta::tensor {

const ForeignType kTensorType = {
    .name = "tensor",
    .finalize = [](void* data) { delete static_cast<Tensor*>(data); },
};

Value WrapTensor(Vm& vm, Tensor tensor) {
  ETA_CHECK(tensor.defined());
  return vm.heap().Foreign(&kTensorType, new Tensor(std::move(tensor)));
}

}  // namespace eta::tensor
