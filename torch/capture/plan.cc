#include "torch/capture/plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

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

std::span<const PlanForm> PlanFormsFor(c10::Device device) {
  static constexpr PlanForm kOurs[] = {PlanForm::kFused, PlanForm::kDirect, PlanForm::kLibtorch};
  static constexpr PlanForm kTheirs[] = {PlanForm::kWritten, PlanForm::kLibtorch};
  return device.is_cpu() ? std::span<const PlanForm>(kOurs) : kTheirs;
}

Plan::Plan(const Trace& trace, const std::vector<size_t>& kept, const std::vector<size_t>& given,
           PlanForm form, const std::vector<size_t>& announced, const std::vector<size_t>& zeros)
    : options_(at::TensorOptions().dtype(at::kByte).device(trace.device)),
      writes_first_(zeros.size()),
      nothing_(at::empty({0}, options_).storage()) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  std::vector<size_t> wanted = kept;
  wanted.insert(wanted.end(), given.begin(), given.end());
  std::optional<Trace> rewritten;
  if (form == PlanForm::kFused || form == PlanForm::kWritten) {
    rewritten = WithFirstWrites(trace, zeros, wanted, &writes_first_);
  }
  if (form == PlanForm::kFused) rewritten = Fused(*rewritten, wanted);
  const bool direct = form == PlanForm::kFused || form == PlanForm::kDirect;
  PlanBuilder(rewritten ? *rewritten : trace, kept, given, announced, direct, this).Build();
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
  if (launches() && !tensor.is_non_overlapping_and_dense()) {
    graphs_->GiveUp("elements of the batch share memory, or have gaps between them");
  }
  if (launches()) return CopyBatch(index, tensor);
  batch_[index]->MoveTo(tensor.storage(),
                        tensor.storage_offset() * static_cast<int64_t>(tensor.element_size()));
}

// Graphs take it from the same place each time.
void Plan::CopyBatch(size_t index, const Tensor& tensor) {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  own_batch_.resize(batch_.size());
  Tensor& own = own_batch_[index];
  if (!own.defined()) {
    own = at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options());
    batch_[index]->MoveTo(own.storage(), 0);
  }
  own.copy_(tensor);
}

// What graphs use stays where it is.
void Plan::Release() {
  const bool stays = launches();
  if (graphs_ != nullptr) graphs_->EndRun();
  if (stays && launches()) return;
  own_batch_.clear();
  for (const auto& moving : moving_) moving->MoveTo(nothing_, 0);
  for (Giver& giver : gifts_) {
    if (giver.is_made) giver.gift = {};
  }
}

void Plan::Run(std::span<const Step> steps, const at::Generator& generator) {
  failed_ = {};
  if (graphs_ == nullptr || steps.empty()) return RunSteps(steps, generator);
  graphs_->Run({steps.data(), steps.size()}, generator, [&] { RunSteps(steps, generator); });
}

void Plan::RunSteps(std::span<const Step> steps, const at::Generator& generator) {
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
  const size_t least = graphs_ == nullptr ? 0 : kStepsOfGraph;
  size_t done = 0;
  auto told = moments_.begin();
  for (auto moment = moments_.begin(); moment != moments_.end(); ++moment) {
    if (moment->steps - done < least) continue;
    Run(std::span(second_).subspan(done, moment->steps - done), generator);
    done = moment->steps;
    for (; told <= moment; ++told) final(told->announced);
  }
  Run(std::span(second_).subspan(done), generator);
  for (; told != moments_.end(); ++told) final(told->announced);
}

void Plan::MakeRoom() {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  for (Giver& giver : gifts_) MakeRoom(giver);
}

// Whether anybody has the gift's tensors, or others in its memory.
bool Plan::Giver::IsKept() const {
  const size_t own = region->count() + (gift.flat.defined() ? 2 : 1);
  return gift.tensor.use_count() > 1 || (gift.flat.defined() && gift.flat.use_count() > 1) ||
         gift.tensor.unsafeGetTensorImpl()->unsafe_storage().use_count() > own;
}

void Plan::MakeRoom(Giver& giver) {
  const bool was_there = giver.gift.tensor.defined();
  if (was_there && !giver.IsKept()) return;
  if (was_there && graphs_ != nullptr) graphs_->Invalidate("the program keeps large gradients");
  giver.gift = {};
  if (giver.is_made) return;
  giver.region->MoveTo(at::empty({giver.bytes}, options_).storage(), 0);
  giver.gift = Wrap(giver);
}

const Gift& Plan::gift(size_t index) {
  Giver& giver = gifts_[index];
  const Tensor& tensor = tensors_[giver.tensor];
  if (!giver.gift.tensor.defined() || !giver.gift.tensor.is_alias_of(tensor)) {
    giver.gift = Wrap(giver);
  }
  return giver.gift;
}

// A tensor of its own: that of the plan moves.
Gift Plan::Wrap(const Giver& giver) const {
  Gift gift{.tensor = tensors_[giver.tensor].variable_data()};
  if (gift.tensor.is_contiguous()) gift.flat = gift.tensor.view({-1});
  return gift;
}

}  // namespace eta::tensor
