// What the ranks exchange in a training step where they cannot reach each other's memory and each
// is the owner of slices: sums of gradients are scattered, and what the owners make of them is
// gathered.
//
// With 'shard-optimizer each rank keeps the optimizer state of its slices only, updates these, and
// parameters are gathered. As much travels as when every rank gets all sums. The same division of
// work is ZeRO's first stage (Rajbhandari and others, "ZeRO: Memory Optimizations Toward Training
// Trillion Parameter Models", 2020).
//
// Thread safety: the isolate's thread. Functions may throw what libtorch throws.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/slice.h"
#include "parallel/training/segment_exchange.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Lives for one step. What is not ok ends the world.
class SliceExchange {
 public:
  SliceExchange(tensor::Optimizer& optimizer, const Exchange& exchange)
      : optimizer_(optimizer), exchange_(exchange) {}

  // The gradients in this rank's slices, times its weight, become the sums over all ranks; in the
  // others they have no meaning afterwards. Each segment is noted in the log.
  Status ScatterGradients(double weight);

  // The gradients in this rank's slices become the weighted sums of the addends of all ranks, in
  // the order of the ranks and of their addends: the same bits on every backend, and for any number
  // of ranks that have the same addends. Each owner gets its slices of all of them, in the type in
  // which they travel (compression.h). `addends`: for each segment (this rank's addends, elements);
  // `weights` has one entry for each addend of each rank.
  Status ScatterAddends(std::span<const at::Tensor> addends, std::span<const double> weights);

  // Every rank gets the others' slices of the gradients, the parameters, or the optimizer state.
  Status GatherGradients();
  Status GatherParameters();
  Status GatherState();

  // What is to be known of sums.
  struct Findings {
    Nonfinite nonfinite;
    double squares = 0;  // of the gradients, added up; if they are clipped by norm
  };
  // Of this rank's slices.
  Findings LookAtSlices() const;
  // The first that is not finite, and the sum of the squares, in the order of the ranks.
  static Findings Combine(std::span<const Findings> by_rank);

  // Updates this rank's slices. REQUIRES: BeginUpdate.
  void UpdateSlices();

 private:
  size_t segments() const { return optimizer_.segments().size(); }
  const tensor::UpdateTensors& tensors(size_t segment) const {
    return optimizer_.segments()[segment].tensors;
  }
  Slice Owned(size_t segment, int rank) const;
  Slice Own(size_t segment) const { return Owned(segment, exchange_.communicator.rank()); }
  at::Tensor OwnPart(size_t segment, const at::Tensor& whole) const;
  std::vector<size_t> CountsOf(size_t segment) const;
  Result<at::Tensor> Receive(size_t segment, const at::Tensor& addends);
  Work Gather(size_t segment, const at::Tensor& whole);

  tensor::Optimizer& optimizer_;
  const Exchange exchange_;
};

}  // namespace eta::parallel
