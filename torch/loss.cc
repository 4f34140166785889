#include "torch/loss.h"

#include <ATen/core/Reduction.h>

#include <utility>

namespace eta::tensor {

LossNotes::LossNotes(TensorContext& context)
    : context_(context), outer_(std::exchange(context.loss_notes, this)) {}

LossNotes::~LossNotes() { context_.loss_notes = outer_; }

const LossNote* LossNotes::Find(const Tensor& result) const {
  for (const LossNote& note : notes_) {
    if (note.result.lock().get() == result.unsafeGetTensorImpl()) return &note;
  }
  return nullptr;
}

Tensor NoteLoss(TensorContext& context, Tensor result, int64_t reduction,
                const std::function<double()>& denominator) {
  if (context.loss_notes == nullptr || reduction == at::Reduction::None) return result;
  const bool adds = reduction == at::Reduction::Sum;
  context.loss_notes->notes_.push_back(
      {decltype(LossNote::result)(result.getIntrusivePtr()), adds, adds ? 1 : denominator()});
  return result;
}

}  // namespace eta::tensor
