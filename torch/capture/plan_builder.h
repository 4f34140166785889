// PlanBuilder: how a plan is made of a trace.
#pragma once

#include <c10/core/TensorOptions.h>

#include <map>
#include <optional>

#include "torch/capture/memory_layout.h"
#include "torch/capture/out_variant.h"
#include "torch/capture/plan.h"

namespace eta::tensor {

// Lives while the plan is made.
class PlanBuilder {
 public:
  // The arguments are those of Plan.
  PlanBuilder(const Trace& trace, const std::vector<size_t>& kept, const std::vector<size_t>& given,
              const std::vector<size_t>& announced, bool direct, Plan* plan)
      : trace_(trace),
        kept_(kept),
        given_(given),
        announced_(announced),
        direct_(direct),
        options_(at::TensorOptions().device(trace.device)),
        alignment_(trace.device.is_cpu() ? kHostAlignment : kDeviceAlignment),
        kernels_(c10::computeDispatchKey(std::nullopt, c10::kStrided, trace.device)),
        plan_(*plan),
        out_variants_(trace) {}
  void Build();

 private:
  // How an operation is run again.
  enum class Way {
    kNot,   // it is a view, or only takes memory, or nobody uses what it makes
    kInto,  // the form that writes into tensors that it is given
    kAsIs,  // it changes its arguments, or libtorch makes the results, and their tensors move there
  };
  struct Region {
    bool needed = false;
    bool is_given = false;
    bool has_place = false;  // in the block, or where a gift is prepared; else libtorch makes it
    Lifetime lifetime{};
    MovingTensors* moving = nullptr;
    std::optional<size_t> host;  // the region whose place it takes over

    std::optional<size_t> gift;  // the region of a gift in whose memory it lies

    bool in_block() const { return has_place && !is_given && !gift; }
    bool has_own_place() const { return in_block() && needed && !host; }
  };

  void NoteGifts();
  void FindNeeded();
  Way WayOf(size_t op) const;
  bool FillsRegions(const TraceOp& op, bool direct) const;
  void ChooseWays();
  void FindLifetimes();
  void PlaceRegions();
  void FoldInPlace();
  bool TakesOver(const TraceOp& op, size_t index) const;
  void PlaceInGifts();
  std::vector<size_t> GuestsOf(size_t gift) const;
  void PlaceInBlock();
  void FollowHosts();
  Tensor TensorOf(size_t index) const;
  Tensor ScratchOf(size_t op) const;
  void AddActions(size_t op);
  torch::jit::Stack ArgumentsOf(const TraceOp& op) const;
  bool IsUsedAfter(size_t tensor, size_t op) const;
  bool AddDirectCall(size_t op, const torch::jit::Stack& arguments);
  void AddCall(size_t op, const c10::OperatorHandle& handle, torch::jit::Stack arguments);
  void AddReleases(size_t op);
  void AddStep(size_t op, Plan::Action action);
  void FindFinalOps();
  bool Touches(const TraceOp& op, size_t tensor) const;
  void AddMoments(size_t op);
  size_t RegionOf(size_t tensor) const { return trace_.tensors[tensor].region; }

  const Trace& trace_;
  const std::vector<size_t>& kept_;
  const std::vector<size_t>& given_;
  const std::vector<size_t>& announced_;
  const bool direct_;
  const at::TensorOptions options_;
  const int64_t alignment_;
  const c10::DispatchKeySet kernels_;
  Plan& plan_;
  std::vector<Region> regions_;
  std::vector<Way> ways_;
  std::vector<size_t> final_op_;        // after which each of those announced is final
  std::map<size_t, Lifetime> scratch_;  // in the block, by operation
  const OutVariants out_variants_;
  Tensor block_;
};

}  // namespace eta::tensor
