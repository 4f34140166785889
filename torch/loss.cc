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

double LossNote::denominator() const {
  const Tensor* tensor = std::get_if<Tensor>(&count);
  return tensor != nullptr ? tensor->item().toDouble() : std::get<double>(count);
}

Tensor NoteLoss(TensorContext& context, Tensor result, int64_t reduction,
                c10::function_ref<LossCount()> count) {
  if (context.loss_notes == nullptr || reduction == at::Reduction::None) return result;
  const bool adds = reduction == at::Reduction::Sum;
  context.loss_notes->notes_.push_back({decltype(LossNote::result)(result.getIntrusivePtr()), adds,
                                        adds ? LossCount(1.0) : count()});
  return result;
}

}  // namespace eta::tensor
