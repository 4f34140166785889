#include "torch/buffer_undo.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <cstring>

namespace eta::tensor {
namespace {

// As copy_, which takes longer than the copying of a few numbers.
void CopyValues(const Tensor& from, const Tensor& to) {
  if (from.is_cpu() && to.is_cpu() && from.is_contiguous() && to.is_contiguous()) {
    std::memcpy(to.mutable_data_ptr(), from.const_data_ptr(), from.nbytes());
  } else {
    to.copy_(from);
  }
}

}  // namespace

void BufferUndo::Save(const std::shared_ptr<Module>& model) {
  if (saved_) return;
  if (model_.lock() != model) Find(model);
  const at::NoGradGuard no_grad;
  for (Kept& kept : kept_) CopyValues(kept.buffer, kept.copy);
  saved_ = true;
}

void BufferUndo::Restore() {
  if (!saved_) return;
  const at::NoGradGuard no_grad;
  for (Kept& kept : kept_) CopyValues(kept.copy, kept.buffer);
  saved_ = false;
}

void BufferUndo::Find(const std::shared_ptr<Module>& model) {
  kept_.clear();
  for (const auto& [name, buffer] : model->Buffers()) {
    kept_.push_back({buffer, at::empty_like(buffer)});
  }
  model_ = model;
}

}  // namespace eta::tensor
