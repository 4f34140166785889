#include "parallel/training/buffer_undo.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

namespace eta::parallel {

void BufferUndo::Save(const std::shared_ptr<tensor::Module>& model) {
  if (saved_) return;
  if (model_.lock() != model) Find(model);
  const at::NoGradGuard no_grad;
  for (Kept& kept : kept_) kept.copy.copy_(kept.buffer);
  saved_ = true;
}

void BufferUndo::Restore() {
  if (!saved_) return;
  const at::NoGradGuard no_grad;
  for (Kept& kept : kept_) kept.buffer.copy_(kept.copy);
  saved_ = false;
}

void BufferUndo::Find(const std::shared_ptr<tensor::Module>& model) {
  kept_.clear();
  for (const auto& [name, buffer] : model->Buffers()) {
    kept_.push_back({buffer, at::empty_like(buffer)});
  }
  model_ = model;
}

}  // namespace eta::parallel
