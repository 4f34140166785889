#include "torch/transfer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clone.h>

#include "torch/module.h"

namespace eta::tensor {
namespace {

// The copy of `original`, made by `make` if there is none yet.
template <class F>
Tensor OneCopy(Transfer& transfer, const Tensor& original, const F& make) {
  std::shared_ptr<void>& copy = transfer.CopyOf(original.unsafeGetTensorImpl());
  if (!copy) copy = std::make_shared<Tensor>(make());
  return *static_cast<const Tensor*>(copy.get());
}

}  // namespace

Tensor CopyTensor(Transfer& transfer, const Tensor& original) {
  return OneCopy(transfer, original, [&] {
    at::NoGradGuard no_grad;
    return original.clone().set_requires_grad(original.is_leaf() && original.requires_grad());
  });
}

Tensor ShareTensor(Transfer& transfer, const Tensor& original) {
  if (!transfer.arriving()) return CopyTensor(transfer, original);
  return OneCopy(transfer, original, [&] { return original.detach(); });
}

std::shared_ptr<Module> CopyModule(Transfer& transfer, const std::shared_ptr<Module>& original) {
  std::shared_ptr<void>& known = transfer.CopyOf(original.get());
  if (known) return std::static_pointer_cast<Module>(known);
  std::shared_ptr<Module> copy = original->CopySelf();
  known = copy;
  for (auto* tensors : {&copy->own_parameters_, &copy->own_buffers_}) {
    for (NamedParameter& own : *tensors) own.tensor = CopyTensor(transfer, own.tensor);
  }
  for (std::shared_ptr<Module>& child : copy->children_) child = CopyModule(transfer, child);
  return copy;
}

}  // namespace eta::tensor
