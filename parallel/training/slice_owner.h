// SliceOwner: the arithmetic that the ranks share in a training step. Each rank owns one slice of
// each segment; for everybody it sums the gradients of its slices, updates their parameters, and
// keeps their optimizer state. Sums go over the ranks in fixed order, so the results depend on
// nothing but the values, and every rank ends with the same bits.
//
// Between two calls the ranks wait for each other; peers' memory must be open (see StepMemory).
// Nothing here waits, allocates or fails.
//
// Thread safety: each rank calls it on its own thread; ranks write to disjoint memory.
#pragma once

#include <span>

#include "parallel/core/phase_log.h"
#include "parallel/training/step_memory.h"
#include "parallel/training/step_record.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class SliceOwner {
 public:
  // The ranks' memories by rank, at most kMaxAddends together. The layouts agree.
  static constexpr size_t kMaxAddends = 256;
  SliceOwner(int rank, std::span<const StepRecord> records) : rank_(rank), records_(records) {}

  // Writes the weighted sums of this rank's slices into the gradients of all ranks, and says where
  // the first sum is that is not finite. One weight for each addend of each rank. Each segment
  // is noted in `log`, unless that is null.
  Nonfinite SumGradients(std::span<const double> weights, PhaseLog* log = nullptr) const;
  // The squares of the sums in this rank's slices, added up. `optimizer` is this rank's.
  double SquaredSums(const tensor::Optimizer& optimizer) const;
  // Updates this rank's slices and writes the new parameters to all ranks. `optimizer` is this
  // rank's; BeginUpdate was called on all with the same mask.
  void Update(tensor::Optimizer& optimizer) const;
  // Copies the optimizer state of the others' slices from their owners.
  void CollectState() const;
  // Copies the initial parameters of rank `from`.
  void CopyInitial(int from) const;

 private:
  const StepMemory& memory(size_t rank) const { return *records_[rank].memory; }
  size_t size() const { return records_.size(); }
  void SumSegment(size_t segment, std::span<const double> weights, Nonfinite* nonfinite) const;
  // The addend `index` of `addends` that all ranks have together.
  const std::byte* Addend(size_t segment, size_t index, size_t addends) const;
  // Whose addend made element `element` of the sum not finite; -1: no single one.
  int CauseOf(size_t segment, size_t element, size_t addends) const;

  const int rank_;
  const std::span<const StepRecord> records_;
};

// The position of the first element that is not finite, or `count`.
size_t FindNonfinite(DType dtype, const std::byte* data, size_t count);

}  // namespace eta::parallel
