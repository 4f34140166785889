#include "torch/capture/captured_steps.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "torch/loss.h"

namespace eta::tensor {
namespace {

// A plan that was used among so many of the last steps is not given up for another.
constexpr uint64_t kStillUsed = 256;
// A plan that was used so many times as often as steps were waited for it was worth while.
constexpr int64_t kWorthWhile = 4;

bool IsPlainBatch(const Tensor& tensor) {
  return tensor.layout() == at::kStrided && tensor.has_storage() && tensor.numel() > 0 &&
         !tensor.is_conj() && !tensor.is_neg() && !tensor.requires_grad();
}

}  // namespace

// --- One kind -----------------------------------------------------------------------------------

void StepKind::Keep(RecordedPlan recorded) {
  plan = std::move(recorded.plan);
  facts = std::move(recorded.facts);
  problem = std::move(recorded.problem);
}

void StepKind::Count() {
  ++(plan != nullptr ? replayed : eager);
  ++(plan != nullptr ? used_ : computed_);
}

void StepKind::Forget() {
  plan = nullptr;
  facts = {};
  computed_ = used_ = 0;
}

void StepKind::Forget(std::string what) {
  constexpr int64_t kFirstPatience = 2;
  patience_ = used_ >= kWorthWhile * patience_ ? kFirstPatience : 2 * patience_;
  change = std::move(what);
  Forget();
}

// --- All of them --------------------------------------------------------------------------------

CapturedSteps::CapturedSteps(const Optimizer& optimizer)
    : model_repeats_(optimizer.module()->Repeats()) {}

CapturedSteps& CapturedSteps::Of(Optimizer& optimizer) {
  if (optimizer.captured == nullptr) optimizer.captured.reset(new CapturedSteps(optimizer));
  return *optimizer.captured;
}

void CapturedSteps::Trace(Marker& marker) const {
  for (const auto& kind : kinds_) {
    kind->key.Trace(marker);
    kind->facts.Trace(marker);
  }
}

bool CapturedSteps::IsPrograms(const StepBatch& batch) const {
  const auto* native = As<NativeObject>(batch.loss);
  return model_repeats_ != Module::Repetition::kSure || native == nullptr ||
         FindLoss(native->def->name) == nullptr;
}

// Why a step is computed eagerly, whatever its shapes; null: it may be captured.
const char* CapturedSteps::Objection(const TensorContext& context, const Optimizer& optimizer,
                                     const Module& model, const StepBatch& batch) const {
  if (!context.settings().capture) return "capture is off for the whole program";
  if (!optimizer.settings.capture) return "capture is off for the optimizer";
  if (model_repeats_ == Module::Repetition::kNever)
    return "the model has a layer that may meet other replicas";
  if (&model != optimizer.module().get()) return "the model is not the optimizer's";
  if (context.settings().shards > 0 && !batch.input.is_cpu()) {
    return "batches are computed in shards, on a device";
  }
  if (optimizer.accumulated.denominator != 0) return "gradients are added to others";
  if (!at::GradMode::is_enabled()) return "gradients are not tracked";
  if (!IsPlainBatch(batch.input) || !IsPlainBatch(batch.target)) {
    return "the batch is empty, tracks gradients, or is no plain memory";
  }
  if (batch.input.device() != batch.target.device()) return "the batch is on two devices";
  if (at::autocast::is_autocast_enabled(batch.input.device().type())) return "autocast is on";
  if (IsPrograms(batch) && !(CanCopyApart(batch.input) && CanCopyApart(batch.target))) {
    return "the batch is a part of other tensors, which procedures of the program might use";
  }
  return nullptr;
}

std::shared_ptr<StepKind> CapturedSteps::Decline(const char* objection) {
  ++others_;
  if (objection_ != objection) objection_ = objection;
  return nullptr;
}

std::shared_ptr<StepKind> CapturedSteps::Enter(const TensorContext& context,
                                               const Optimizer& optimizer, const Module& model,
                                               const StepBatch& batch) {
  if (const char* objection = Objection(context, optimizer, model, batch)) {
    return Decline(objection);
  }
  ++steps_;
  auto kind = Find(optimizer, batch);
  if (kind == nullptr) kind = Add(optimizer, batch);
  if (kind == nullptr) return Decline("there are too many kinds of steps");
  kind->last = steps_;
  if (kind->plan != nullptr) DropStalePlans(*kind, context.vm(), batch);
  if (kind->plan != nullptr && !kind->plan->StandsApart(batch)) {
    return Decline("the batch is a part of the model");
  }
  kind->Count();
  return kind;
}

// All plans rely on where parameters lie.
void CapturedSteps::DropStalePlans(StepKind& kind, Vm& vm, const StepBatch& batch) {
  if (!kind.plan->Holds()) {
    for (const auto& other : kinds_) {
      if (other->plan != nullptr) other->Forget();
    }
  } else if (!kind.plan->ConstantsHold()) {
    kind.Forget("a tensor that is not the model's");
  } else if (!kind.facts.Hold(vm, batch.loss)) {
    kind.Forget(kind.facts.Change(vm, batch.loss));
  }
}

std::shared_ptr<StepKind> CapturedSteps::Find(const Optimizer& optimizer, const StepBatch& batch) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& kind) {
    return kind->key.Fits(optimizer, batch);
  });
  if (found == kinds_.end()) return nullptr;
  std::rotate(kinds_.begin(), found, found + 1);  // the next one is probably alike
  return kinds_.front();
}

// In place of the kind that was not seen for longest; null if all are in use.
std::shared_ptr<StepKind> CapturedSteps::Add(const Optimizer& optimizer, const StepBatch& batch) {
  if (kinds_.size() >= kKinds) {
    const auto oldest =
        std::min_element(kinds_.begin(), kinds_.end(),
                         [](const auto& a, const auto& b) { return a->last < b->last; });
    if ((*oldest)->plan != nullptr && steps_ - (*oldest)->last < kStillUsed) return nullptr;
    kinds_.erase(oldest);
  }
  kinds_.insert(kinds_.begin(), std::make_shared<StepKind>(StepKey(optimizer, batch)));
  return kinds_.front();
}

}  // namespace eta::tensor
