#include "torch/capture/step_plan.h"

#include <algorithm>
#include <utility>

namespace eta::tensor {

double NumberIn(const Tensor& tensor) {
  if (!tensor.is_cpu() || tensor.is_neg()) return tensor.item().toDouble();
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return *tensor.const_data_ptr<float>();
    case at::kDouble:
      return *tensor.const_data_ptr<double>();
    case at::kLong:
      return static_cast<double>(*tensor.const_data_ptr<int64_t>());
    default:
      return tensor.item().toDouble();
  }
}

namespace {

// As at::full makes it: too large a number is an error.
void SetNumber(const Tensor& tensor, double number) {
  if (!tensor.is_cpu()) {
    tensor.fill_(number);
    return;
  }
  switch (tensor.scalar_type()) {
    case at::kDouble:
      *tensor.mutable_data_ptr<double>() = number;
      break;
    case at::kFloat:
      *tensor.mutable_data_ptr<float>() = at::Scalar(number).to<float>();
      break;
    default:
      tensor.fill_(number);
  }
}

std::vector<size_t> GradientsOf(const StepFacts& facts) {
  std::vector<size_t> all = facts.places;
  all.insert(all.end(), facts.gradients.begin(), facts.gradients.end());
  return all;
}

}  // namespace

FixedTensor::FixedTensor(const Tensor& tensor)
    : tensor_(tensor),
      form_(tensor),
      data_(tensor.const_data_ptr()),
      requires_grad_(tensor.requires_grad()) {}

bool FixedTensor::Holds() const {
  return tensor_.const_data_ptr() == data_ && form_.Fits(tensor_) && tensor_.is_leaf() &&
         tensor_.requires_grad() == requires_grad_;
}

bool Hold(std::span<const FixedTensor> tensors) {
  return std::ranges::all_of(tensors, [](const FixedTensor& tensor) { return tensor.Holds(); });
}

StepPlan::StepPlan(const Trace& trace, StepFacts facts, PlanForm form, const Optimizer& optimizer)
    : facts_(std::move(facts)),
      plan_(trace, {facts_.root}, facts_.gradients, form, GradientsOf(facts_), facts_.places) {
  NoteAddedTo(optimizer);
  for (const FixedTensor& tensor : facts_.fixed) storages_.push_back(tensor.storage());
  std::sort(storages_.begin(), storages_.end());
  storages_.erase(std::unique(storages_.begin(), storages_.end()), storages_.end());
}

void StepPlan::NoteAddedTo(const Optimizer& optimizer) {
  for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const auto place = optimizer.PlaceOf(i);
    const auto& entry = place.arena->entries()[place.index];
    const auto found = std::ranges::find(facts_.in_place, i);
    const auto index = static_cast<size_t>(found - facts_.in_place.begin());
    const bool written = found != facts_.in_place.end() && plan_.writes_first(index);
    if (!written && !place.arena->blocks()[entry.block].large) added_to_.push_back(place);
    writes_some_ |= written;
  }
}

bool StepPlan::Holds() const { return Hold(facts_.fixed); }

bool StepPlan::ConstantsHold() const { return Hold(facts_.constants); }

bool StepPlan::StandsApart(const StepBatch& batch) const {
  const void* const input = batch.input.unsafeGetTensorImpl()->unsafe_storage().data();
  const void* const target = batch.target.unsafeGetTensorImpl()->unsafe_storage().data();
  return std::none_of(storages_.begin(), storages_.end(),
                      [&](const void* storage) { return storage == input || storage == target; });
}

double StepPlan::RunForward(const Tensor& input, const Tensor& target,
                            const at::Generator& generator) {
  plan_.SetBatch(0, input);
  plan_.SetBatch(1, target);
  plan_.RunFirst(generator);
  return facts_.denominator ? NumberIn(plan_.tensor(*facts_.denominator))
                            : facts_.fixed_denominator;
}

// On a device that is a kernel, which most steps can do without.
void StepPlan::SetSeed(double seed) {
  if (seed_ == seed) return;
  seed_.reset();
  SetNumber(facts_.seed, seed);
  seed_ = seed;
}

void StepPlan::ZeroAddedTo() const {
  for (const auto& place : added_to_) {
    const auto& entry = place.arena->entries()[place.index];
    place.arena->FillZero(entry.block, entry.begin, entry.end);
  }
}

void StepPlan::RunBackward(double seed, const at::Generator& generator) {
  SetSeed(seed);
  ZeroAddedTo();
  plan_.RunSecond(generator);
}

void StepPlan::RunBackward(double seed, const at::Generator& generator, Optimizer& optimizer,
                           const Ready& ready) {
  // Where all are added to, the optimizer zeroes them in fewer passes.
  writes_some_ ? optimizer.ForgoZeros() : optimizer.PayZeros();
  try {
    SetSeed(seed);
    if (writes_some_) ZeroAddedTo();
    if (ready) {
      return plan_.RunSecond(generator, [&](size_t i) { ready(HandOver(i, optimizer)); });
    }
    plan_.RunSecond(generator);
  } catch (...) {
    optimizer.ZeroGradients();
    throw;
  }
  for (size_t i = 0; i < facts_.in_place.size() + facts_.made.size(); ++i) HandOver(i, optimizer);
}

const Tensor& StepPlan::HandOver(size_t index, const Optimizer& optimizer) {
  const bool is_made = index >= facts_.in_place.size();
  const size_t gift = index - facts_.in_place.size();
  const size_t parameter = is_made ? facts_.made[gift] : facts_.in_place[index];
  const auto place = optimizer.PlaceOf(parameter);
  if (is_made) {
    place.arena->GiveGradient(place.index, plan_.gift(gift).tensor, plan_.gift(gift).flat);
  } else {
    place.arena->SetHasGradient(place.index);
  }
  return optimizer.parameters()[parameter].tensor;
}

}  // namespace eta::tensor
