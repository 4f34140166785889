#include "torch/capture/plan_graphs.h"

#include <utility>

namespace eta::tensor {

void PlanGraphs::Run(Part part, const at::Generator& generator, c10::function_ref<void()> run) {
  if (stage_ == Stage::kWarmUp && graphs_ != nullptr) return graphs_->WarmUp(run);
  if (!launches() || plainly_ || !Fits(part, generator)) return run();
  if (next_ == parts_.size()) Capture(part, generator, run);
  if (plainly_) return run();
  parts_[next_++].graph->Launch();
}

// A graph that comes after another one relies on where that has left its results: so if one does
// not fit, none that follow do.
bool PlanGraphs::Fits(Part part, const at::Generator& generator) {
  if (!generator_.defined()) generator_ = generator;
  if (generator != generator_) {
    change_ = "the random stream is another one each time";
  } else if (next_ < parts_.size() && parts_[next_].part != part) {
    change_ = "who waits for gradients changes each time";
  }
  plainly_ = change_ != nullptr;
  return !plainly_;
}

void PlanGraphs::Capture(Part part, const at::Generator& generator, c10::function_ref<void()> run) {
  try {
    auto graph = graphs_->Make();
    graph->Capture(generator, run);
    parts_.push_back({part, std::move(graph)});
  } catch (const std::exception& e) {
    const std::string_view what = e.what();
    GiveUp("no graph could be captured: " + std::string(what.substr(0, what.find('\n'))));
    plainly_ = true;
  }
}

void PlanGraphs::Invalidate(const char* change) {
  if (parts_.empty()) return;
  change_ = change;
  Drop();
}

// Before a run.
void PlanGraphs::Drop() {
  parts_.clear();
  generator_ = {};
  captures_ = since_capture_ >= kWorthwhileRuns ? 1 : captures_ + 1;
  since_capture_ = 0;
  if (captures_ >= kMostCaptures) GiveUp(change_);
  change_ = nullptr;
}

void PlanGraphs::GiveUp(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

void PlanGraphs::EndRun() {
  next_ = 0;
  plainly_ = false;
  ++since_capture_;
  if (change_ != nullptr) Drop();
  if (!problem_.empty()) {
    parts_.clear();
    graphs_ = nullptr;
  } else if (stage_ != Stage::kGraphs && ++runs_ >= kPlainRuns) {
    if (graphs_ == nullptr) graphs_ = MakeDeviceGraphs(device_, &problem_);
    stage_ = stage_ == Stage::kPlain ? Stage::kWarmUp : Stage::kGraphs;
  }
}

}  // namespace eta::tensor
