// Optimizers as values of the language.
#include "torch/capture/captured_steps.h"
#include "torch/optimizer.h"
#include "torch/transfer.h"

namespace eta::tensor {
namespace {

void* CopyOptimizer(const void* data, Transfer& transfer) {
  const Optimizer& original = **static_cast<const std::shared_ptr<Optimizer>*>(data);
  if (original.state_is_sliced) {
    return transfer.Refuse("an optimizer whose state is spread over the replicas");
  }
  return Guarded(transfer, "an optimizer", [&] {
    std::shared_ptr<void>& copy = transfer.CopyOf(&original);
    if (!copy) copy = original.Copy(transfer);
    return new std::shared_ptr<Optimizer>(std::static_pointer_cast<Optimizer>(copy));
  });
}

constexpr ForeignTransfer kTransfer = {.copy = CopyOptimizer};

}  // namespace

const ForeignType kOptimizerType = {
    .name = "optimizer",
    .trace =
        [](void* data, Marker& marker) {
          const auto& optimizer = *static_cast<std::shared_ptr<Optimizer>*>(data);
          optimizer->module()->Trace(marker);
          if (optimizer->captured != nullptr) optimizer->captured->Trace(marker);
        },
    .finalize = [](void* data) { delete static_cast<std::shared_ptr<Optimizer>*>(data); },
    .transfer = &kTransfer,
};

Value WrapOptimizer(Vm& vm, std::shared_ptr<Optimizer> optimizer) {
  return vm.heap().Foreign(&kOptimizerType, new std::shared_ptr<Optimizer>(std::move(optimizer)));
}

}  // namespace eta::tensor
