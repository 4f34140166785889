#include "torch/capture/plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>

#include "torch/capture/first_write.h"
#include "torch/capture/fusion.h"
#include "torch/capture/plan_builder.h"

namespace eta::tensor {

void MovingTensors::MoveTo(const c10::Storage& storage, int64_t begin) const {
  for (const Entry& entry : tensors_) {
    at::TensorImpl* const impl = entry.tensor.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(storage);
    impl->set_storage_offset((begin + entry.offset) /
                             static_cast<int64_t>(entry.tensor.element_size()));
  }
}

Plan::Plan(const Trace& trace, const std::vector<size_t>& kept, const std::vector<size_t>& given,
           PlanForm form, const std::vector<size_t>& announced, const std::vector<size_t>& zeros)
    : writes_first_(zeros.size()), nothing_(at::empty({0}, at::kByte).storage()) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  std::optional<Trace> fused;
  if (form == PlanForm::kFused) {
    std::vector<size_t> wanted = kept;
    wanted.insert(wanted.end(), given.begin(), given.end());
    fused = Fused(WithFirstWrites(trace, zeros, wanted, &writes_first_), wanted);
  }
  const bool direct = form != PlanForm::kLibtorch;
  PlanBuilder(fused ? *fused : trace, kept, given, announced, direct, this).Build();
  Release();
}

bool Plan::Fits(const Trace& trace) const {
  return std::equal(trace.tensors.begin(), trace.tensors.end(), tensors_.begin(),
                    [](const TraceTensor& recorded, const Tensor& tensor) {
                      return tensor.sizes() == recorded.sizes &&
                             tensor.strides() == recorded.strides;
                    });
}

void Plan::SetBatch(size_t index, const Tensor& tensor) {
  batch_[index]->MoveTo(tensor.storage(),
                        tensor.storage_offset() * static_cast<int64_t>(tensor.element_size()));
}

void Plan::Release() {
  for (const auto& moving : moving_) moving->MoveTo(nothing_, 0);
  for (Giver& giver : gifts_) {
    if (giver.region == nullptr) giver.gift = {};
  }
}

void Plan::Run(std::span<const Step> steps, const at::Generator& generator) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Step* step = steps.data();
  try {
    for (const Step* const end = step + steps.size(); step != end; ++step) {
      step->action(*this, generator);
    }
  } catch (...) {
    failed_ = step->caller;
    throw;
  }
}

void Plan::RunFirst(const at::Generator& generator) {
  MakeRoom();
  Run(first_, generator);
}

void Plan::RunSecond(const at::Generator& generator) {
  const at::NoGradGuard no_grad;
  if (first_.empty()) MakeRoom();
  Run(second_, generator);
}

void Plan::RunSecond(const at::Generator& generator, c10::function_ref<void(size_t)> final) {
  const at::NoGradGuard no_grad;
  if (first_.empty()) MakeRoom();
  std::span<const Step> left = second_;
  for (const Moment& moment : moments_) {
    const size_t done = second_.size() - left.size();
    Run(left.first(moment.steps - done), generator);
    left = left.subspan(moment.steps - done);
    final(moment.announced);
  }
  Run(left, generator);
}

void Plan::MakeRoom() {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  for (Giver& giver : gifts_) MakeRoom(giver);
}

// The memory is free if nobody has the gift's tensors, nor others in it.
void Plan::MakeRoom(Giver& giver) {
  if (giver.region == nullptr) return;
  Gift& gift = giver.gift;
  const size_t own = giver.region->count() + (gift.flat.defined() ? 2 : 1);
  if (gift.tensor.defined() && gift.tensor.use_count() == 1 &&
      (!gift.flat.defined() || gift.flat.use_count() == 1) &&
      gift.tensor.unsafeGetTensorImpl()->unsafe_storage().use_count() == own) {
    return;
  }
  gift = {};
  giver.region->MoveTo(at::empty({giver.bytes}, at::kByte).storage(), 0);
  gift = Wrap(giver);
}

const Gift& Plan::gift(size_t index) {
  Giver& giver = gifts_[index];
  if (!giver.gift.tensor.defined()) giver.gift = Wrap(giver);
  return giver.gift;
}

// A tensor of its own: that of the plan moves.
Gift Plan::Wrap(const Giver& giver) const {
  Gift gift{.tensor = tensors_[giver.tensor].variable_data()};
  if (gift.tensor.is_contiguous()) gift.flat = gift.tensor.view({-1});
  return gift;
}

}  // namespace eta::tensor
