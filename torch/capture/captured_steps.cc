#include "torch/capture/captured_steps.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

namespace eta::tensor {
namespace {

// A plan that was used among so many of the last steps is not given up for another.
constexpr uint64_t kStillUsed = 256;

bool IsPlainBatch(const Tensor& tensor) {
  return tensor.is_cpu() && tensor.layout() == at::kStrided && tensor.numel() > 0 &&
         !tensor.is_conj() && !tensor.is_neg() && !tensor.requires_grad();
}

}  // namespace

CapturedSteps::CapturedSteps(const Optimizer& optimizer)
    : model_repeats_(optimizer.module()->Repeats()) {}

CapturedSteps& CapturedSteps::Of(Optimizer& optimizer) {
  if (optimizer.captured == nullptr) optimizer.captured.reset(new CapturedSteps(optimizer));
  return *optimizer.captured;
}

// Why a step is computed eagerly, whatever its shapes; null: it may be captured.
const char* CapturedSteps::Objection(const TensorContext& context, const Optimizer& optimizer,
                                     const Module& model, const StepBatch& batch) const {
  if (!context.settings().capture) return "capture is off for the whole program";
  if (!optimizer.settings.capture) return "capture is off for the optimizer";
  if (batch.loss == nullptr) return "the loss is a procedure of the program";
  if (!model_repeats_) return "the model has parts that the program wrote";
  if (&model != optimizer.module().get()) return "the model is not the optimizer's";
  if (context.settings().shards > 0) return "batches are computed in shards";
  if (optimizer.accumulated.denominator != 0) return "gradients are added to others";
  if (!at::GradMode::is_enabled()) return "gradients are not tracked";
  if (at::autocast::is_autocast_enabled(at::kCPU)) return "autocast is on";
  if (!IsPlainBatch(batch.input) || !IsPlainBatch(batch.target)) {
    return "the batch is empty, tracks gradients, or is not in the CPU's memory";
  }
  return nullptr;
}

CapturedSteps::Kind* CapturedSteps::Enter(const TensorContext& context, const Optimizer& optimizer,
                                          const Module& model, const StepBatch& batch) {
  if (const char* objection = Objection(context, optimizer, model, batch)) {
    ++others_;
    if (objection_ != objection) objection_ = objection;
    return nullptr;
  }
  ++steps_;
  Kind* kind = Find(optimizer, batch);
  if (kind == nullptr) kind = Add(optimizer, batch);
  if (kind == nullptr) return nullptr;
  kind->last = steps_;
  if (kind->plan != nullptr && !kind->plan->Holds()) ForgetPlans();
  if (kind->plan != nullptr && !kind->plan->StandsApart(batch)) {
    ++others_;
    objection_ = "the batch is a part of the model";
    return nullptr;
  }
  ++(kind->plan != nullptr ? kind->replayed : kind->eager);
  return kind;
}

// Something was moved that all plans rely on.
void CapturedSteps::ForgetPlans() {
  for (const auto& kind : kinds_) {
    if (std::exchange(kind->plan, nullptr) != nullptr) kind->eager = 0;
  }
}

CapturedSteps::Kind* CapturedSteps::Find(const Optimizer& optimizer, const StepBatch& batch) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& kind) {
    return kind->key.Fits(optimizer, batch);
  });
  if (found == kinds_.end()) return nullptr;
  std::rotate(kinds_.begin(), found, found + 1);  // the next one is probably alike
  return kinds_.front().get();
}

// In place of the kind that was not seen for longest; null if all are in use.
CapturedSteps::Kind* CapturedSteps::Add(const Optimizer& optimizer, const StepBatch& batch) {
  if (kinds_.size() >= kKinds) {
    const auto oldest =
        std::min_element(kinds_.begin(), kinds_.end(),
                         [](const auto& a, const auto& b) { return a->last < b->last; });
    const Kind& kind = **oldest;
    if (kind.plan != nullptr && steps_ - kind.last < kStillUsed) {
      ++others_;
      objection_ = "there are too many kinds of steps";
      return nullptr;
    }
    kinds_.erase(oldest);
  }
  kinds_.insert(kinds_.begin(), std::make_unique<Kind>(Kind{.key = StepKey(optimizer, batch)}));
  return kinds_.front().get();
}

void CapturedSteps::Keep(Kind& kind, std::unique_ptr<StepPlan> plan, std::string problem) {
  kind.plan = std::move(plan);
  kind.problem = std::move(problem);
}

}  // namespace eta::tensor
