#include "torch/capture/step_plan.h"

#include <algorithm>
#include <utility>

namespace eta::tensor {
namespace {

double NumberIn(const Tensor& tensor) {
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

// As at::full makes it: too large a number is an error.
void SetNumber(const Tensor& tensor, double number) {
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

}  // namespace

FixedTensor::FixedTensor(const Tensor& tensor)
    : tensor_(tensor), form_(tensor), data_(tensor.const_data_ptr()) {}

bool FixedTensor::Holds() const {
  return tensor_.const_data_ptr() == data_ && form_.Fits(tensor_) && tensor_.is_leaf();
}

StepPlan::StepPlan(const Trace& trace, StepFacts facts, bool direct)
    : facts_(std::move(facts)), plan_(trace, {facts_.root}, facts_.gradients, direct) {
  for (const FixedTensor& tensor : facts_.fixed) storages_.push_back(tensor.storage());
  std::sort(storages_.begin(), storages_.end());
  storages_.erase(std::unique(storages_.begin(), storages_.end()), storages_.end());
}

bool StepPlan::Holds() const {
  return std::all_of(facts_.fixed.begin(), facts_.fixed.end(),
                     [](const FixedTensor& tensor) { return tensor.Holds(); });
}

bool StepPlan::ConstantsHold() const {
  return std::all_of(
      facts_.constants.begin(), facts_.constants.end(),
      [](const FixedTensor& tensor) { return tensor.Holds() && !tensor.requires_grad(); });
}

bool StepPlan::StandsApart(const StepBatch& batch) const {
  const void* const input = batch.input.unsafeGetTensorImpl()->unsafe_storage().data();
  const void* const target = batch.target.unsafeGetTensorImpl()->unsafe_storage().data();
  return std::none_of(storages_.begin(), storages_.end(),
                      [&](const void* storage) { return storage == input || storage == target; });
}

StepPlan::Loss StepPlan::RunForward(const Tensor& input, const Tensor& target,
                                    const at::Generator& generator) {
  plan_.SetBatch(0, input);
  plan_.SetBatch(1, target);
  plan_.RunFirst(generator);
  const double denominator =
      facts_.denominator ? NumberIn(plan_.tensor(*facts_.denominator)) : facts_.fixed_denominator;
  return {denominator != 0 ? NumberIn(plan_.tensor(facts_.root)) : 0, denominator};
}

void StepPlan::RunBackward(double seed, const at::Generator& generator) {
  SetNumber(facts_.seed, seed);
  plan_.RunSecond(generator);
}

void StepPlan::RunBackward(double seed, const at::Generator& generator,
                           const Optimizer& optimizer) {
  RunBackward(seed, generator);
  for (size_t i : facts_.in_place) {
    const auto place = optimizer.PlaceOf(i);
    place.arena->SetHasGradient(place.index);
  }
  for (size_t i = 0; i < facts_.made.size(); ++i) {
    const auto place = optimizer.PlaceOf(facts_.made[i]);
    place.arena->GiveGradient(place.index, plan_.gift(i).tensor, plan_.gift(i).flat);
  }
}

}  // namespace eta::tensor
