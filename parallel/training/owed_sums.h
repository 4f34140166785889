// OwedSums: the sums of gradients after a step of ranks that share memory. Of each slice they stay
// with its owner, since hardly any program looks at gradients that an update has used.
// One that does gets them from the owners: these write over them only after the next meeting in
// which the gradients of the same optimizer are summed, and so not before this rank comes to it.
// New parameters that owners hand over are taken from there, too.
//
// Thread safety: the isolate's thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "parallel/training/step_memory.h"
#include "parallel/training/step_record.h"
#include "torch/arena.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class OwedSums final : public tensor::OwedGradients {
 public:
  OwedSums() = default;
  // Takes back what it owes.
  ~OwedSums() override;
  OwedSums(const OwedSums&) = delete;
  OwedSums& operator=(const OwedSums&) = delete;

  // Notes in `memory` what belongs to the owner of this rank's number; if ranks share cores, with
  // memory to hand parameters over in, unless they are too large for that. Throws what libtorch
  // throws. REQUIRES: memory->segments are the optimizer's.
  static void LayOut(const tensor::Optimizer& optimizer, bool shares_cores, StepMemory* memory);

  // When all ranks have laid theirs out. REQUIRES: the peers' memory is open.
  void Know(std::span<const StepRecord> records, int owners);

  // By owner; as Know found them.
  std::span<const std::shared_ptr<OwnerMemory>> owners() const { return owners_; }

  // When all owners have made their sums: this rank's gradients are those, from now on. REQUIRES:
  // `own` outlives this, or the optimizer's arenas.
  void Owe(const std::shared_ptr<tensor::ArenaRegistry>& arenas, const tensor::Optimizer& optimizer,
           const StepMemory& own);

  void Pay() override;

  // Whether owners hand new parameters over, rather than write them to all ranks' memory.
  bool hands_over() const { return !owners_[0]->handed_over.empty(); }
  // If so, when all have updated their slices: makes these the parameters of `own`, of `rank`.
  void TakeParameters(int rank, std::span<const SegmentMemory> own) const;

 private:
  int count() const { return static_cast<int>(owners_.size()); }

  std::shared_ptr<tensor::ArenaRegistry> arenas_;
  std::vector<std::shared_ptr<OwnerMemory>> owners_;
  size_t ranks_ = 0;
  const StepMemory* own_ = nullptr;
};

}  // namespace eta::parallel
