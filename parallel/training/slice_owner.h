// SliceOwner: the arithmetic that the ranks share in a training step. A segment has a slice for
// each rank, and the owners own them all: as many as there are ranks with a core each. For
// everybody an owner sums the gradients of its slices, updates their parameters, and keeps their
// optimizer state. Sums go over the ranks in fixed order, so the results depend on nothing but the
// values, and every rank ends with the same bits.
//
// What is an owner's lies in the memory of the rank of the same number; but any rank may act as an
// owner in a step (Meeting::owner).
//
// Between two calls the owners wait for each other; peers' memory must be open (see StepMemory).
// Nothing here waits or fails.
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
  // For a rank that acts as `owner` of the `owners`; -1: as none, and nothing below has anything to
  // do, but for what collects and copies. The ranks' memories by rank, at most kMaxAddends
  // together. The layouts agree.
  static constexpr size_t kMaxAddends = 256;
  SliceOwner(int rank, int owner, int owners, std::span<const StepRecord> records)
      : rank_(rank), owner_(owner), owners_(owners), records_(records) {}

  int owner() const { return owner_; }
  bool owns() const { return owner_ >= 0; }

  // Makes the weighted sums of the owner's slices, and says where the first of them is that is not
  // finite; whose addend is the cause is not known if the sums were made in their place. One weight
  // for each addend of each rank. Each segment is noted in `log`, unless that is null. `rounded`:
  // the sums are what they would be had they travelled as bfloat16 (compression.h).
  Nonfinite SumGradients(std::span<const double> weights, PhaseLog* log = nullptr,
                         bool rounded = false) const;
  // Their squares, added up slice by slice. Allocates in the first call only.
  void SquareSums(std::vector<double>* squares) const;
  // Updates the owner's slices by their sums and writes the new parameters to all ranks that do not
  // share them; or, if some own nothing, to where they take them from (owed_sums.h).
  // `optimizer` is this rank's; BeginUpdate was called on all with the same mask.
  void Update(tensor::Optimizer& optimizer) const;
  // Copies the others' sums into this rank's gradients. REQUIRES: it is the owner of its number, if
  // there is one, and its own were made there.
  void CollectSums() const;
  // Copies the optimizer state of the others' slices from their owners.
  void CollectState() const;
  // Copies the initial parameters of rank `from`.
  void CopyInitial(int from) const;

 private:
  const StepMemory& memory(size_t rank) const { return *records_[rank].memory; }
  const StepMemory& own() const { return memory(static_cast<size_t>(rank_)); }
  // What belongs to the owner. REQUIRES: owns.
  const StepMemory& kept() const { return memory(static_cast<size_t>(owner_)); }
  size_t size() const { return records_.size(); }
  Slice OwnedOf(const SegmentMemory& segment) const;
  void SumSegment(size_t segment, std::span<const double> weights, bool rounded,
                  Nonfinite* nonfinite) const;
  // `count` new parameters of a segment.
  void HandOver(size_t segment, size_t begin, size_t count) const;
  // The addend `index` of `addends` that all ranks have together.
  const std::byte* Addend(size_t segment, size_t index, size_t addends) const;
  // Whose addend made element `element` of the sum not finite; -1: no single one.
  int CauseOf(size_t segment, size_t element, size_t addends) const;

  const int rank_, owner_, owners_;
  const std::span<const StepRecord> records_;
};

// Calls f(segment, owner, begin, bytes) for what each owner has of each segment, unless that is
// nothing: where in the segment it begins, in bytes.
template <class F>
void ForEachOwner(std::span<const SegmentMemory> segments, int owners, size_t ranks, const F& f) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const size_t element = SizeOf(segments[s].dtype);
    for (int o = 0; o < owners; ++o) {
      const Slice slice =
          OwnedSlices(segments[s].count, element, o, owners, static_cast<int>(ranks));
      if (slice.count() == 0) continue;
      f(s, static_cast<size_t>(o), slice.begin * element, slice.count() * element);
    }
  }
}

// The position of the first element that is not finite, or `count`.
size_t FindNonfinite(DType dtype, const std::byte* data, size_t count);

}  // namespace eta::parallel
