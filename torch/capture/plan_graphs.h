// PlanGraphs: the runs of a plan as graphs of its device. The first runs are as ever, the next one
// warms the device's libraries up, then each part of the plan is captured when it comes, and
// launched from there on. Where that cannot be, the parts are run, and `problem` says why.
//
//   if (graphs.launches()) ...  // this run has places for its tensors that stay
//   graphs.Run(first_part, generator, [&] { ... });
//   graphs.Run(second_part, generator, [&] { ... });
//   graphs.EndRun();
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "torch/capture/device_graph.h"

namespace eta::tensor {

// Thread safety: one thread at a time.
class PlanGraphs {
 public:
  // Runs before the one that warms up: a plan that is not used more often is not worth it.
  static constexpr int kPlainRuns = 2;
  // After so many captures without kWorthwhileRuns between, runs stay as they are.
  static constexpr int kMostCaptures = 4;
  static constexpr int kWorthwhileRuns = 64;

  explicit PlanGraphs(c10::Device device) : device_(device) {}

  // A stretch of the plan's operations.
  struct Part {
    const void* begin;
    size_t count;
    bool operator==(const Part&) const = default;
  };
  // Runs a part, or what it has become. Throws what `run` throws.
  void Run(Part part, const at::Generator& generator, c10::function_ref<void()> run);

  // Whether the present run launches graphs: then tensors stay where they are after it.
  bool launches() const { return stage_ == Stage::kGraphs && problem_.empty(); }
  // REQUIRES: no part has run yet in this run. Because of `change` graphs have the wrong places.
  void Invalidate(const char* change);
  void EndRun();
  // It cannot be.
  void GiveUp(std::string problem);

  const std::string& problem() const { return problem_; }
  size_t count() const { return parts_.size(); }  // of graphs that there are

 private:
  enum class Stage { kPlain, kWarmUp, kGraphs };
  struct Captured {
    Part part;
    std::unique_ptr<DeviceGraph> graph;
  };

  bool Fits(Part part, const at::Generator& generator);
  void Capture(Part part, const at::Generator& generator, c10::function_ref<void()> run);
  void Drop();

  const c10::Device device_;
  Stage stage_ = Stage::kPlain;
  std::unique_ptr<DeviceGraphs> graphs_;
  std::vector<Captured> parts_;
  size_t next_ = 0;  // part of this run
  at::Generator generator_;
  bool plainly_ = false;          // the rest of this run
  const char* change_ = nullptr;  // why the next run captures anew
  int runs_ = 0, captures_ = 0;
  int since_capture_ = 0;  // runs
  std::string problem_;
};

}  // namespace eta::tensor
