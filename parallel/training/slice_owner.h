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
#include "parallel/core/slice.h"
#include "parallel/training/step_memory.h"
#include "parallel/training/step_record.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class SliceOwner {
 public:
  // The ranks' memories by rank, at most kMaxAddends together. The layouts agree.
  static constexpr size_t kMaxAddends = 256;
  SliceOwner(int rank, std::span<const StepRecord> records) : rank_(rank), records_(records) {}

  // Makes the weighted sums of this rank's slices, and says where the first of them is that is not
  // finite; whose addend is the cause is not known if the sums were made in their place. One weight
  // for each addend of each rank. Each segment is noted in `log`, unless that is null.
  Nonfinite SumGradients(std::span<const double> weights, PhaseLog* log = nullptr) const;
  // Their squares, added up.
  double SquaredSums() const;
  // Updates this rank's slices by their sums and writes the new parameters to all ranks.
  // `optimizer` is this rank's; BeginUpdate was called on all with the same mask.
  void Update(tensor::Optimizer& optimizer) const;
  // Copies the others' sums into this rank's gradients. REQUIRES: its own were made there.
  void CollectSums() const;
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

// Calls f(segment, rank, begin, bytes) for the slices of all ranks that are not empty: where in the
// segment they begin, in bytes.
template <class F>
void ForEachSlice(std::span<const SegmentMemory> segments, size_t ranks, const F& f) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const size_t element = SizeOf(segments[s].dtype);
    for (size_t r = 0; r < ranks; ++r) {
      const Slice slice =
          OwnedSlice(segments[s].count, element, static_cast<int>(r), static_cast<int>(ranks));
      if (slice.count() > 0) f(s, r, slice.begin * element, slice.count() * element);
    }
  }
}

// The position of the first element that is not finite, or `count`.
size_t FindNonfinite(DType dtype, const std::byte* data, size_t count);

}  // namespace eta::parallel
