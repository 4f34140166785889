// What the ranks exchange in a training step where they cannot reach each other's memory and each
// keeps the optimizer state of its slices only ('shard-optimizer): sums of gradients are scattered,
// each rank updates its slices, parameters are gathered. As much travels as when every rank gets
// all sums. The same division of work is ZeRO's first stage (Rajbhandari and others, "ZeRO: Memory
// Optimizations Toward Training Trillion Parameter Models", 2020).
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "parallel/core/communicator.h"
#include "parallel/core/phase_log.h"
#include "parallel/core/slice.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Lives for one step. What is not ok ends the world.
class SliceExchange {
 public:
  SliceExchange(std::span<const SegmentMemory> segments, Communicator& communicator, Site site)
      : segments_(segments), communicator_(communicator), site_(site) {}

  // The gradients in this rank's slices, times its weight, become the sums over all ranks; in the
  // others they have no meaning afterwards. Each segment is noted in `log`.
  Status ScatterGradients(double weight, PhaseLog& log);

  // What is to be known of sums.
  struct Findings {
    Nonfinite nonfinite;
    double squares = 0;  // of the gradients, added up; if they are clipped by norm
  };
  // Of this rank's slices. `optimizer` is this rank's.
  Findings LookAtSlices(const tensor::Optimizer& optimizer) const;
  // All ranks get the first that is not finite, and the sum of the squares in the order of the
  // ranks: the same bits everywhere.
  Status Share(Findings* findings);

  // Updates this rank's slices. REQUIRES: BeginUpdate.
  void UpdateSlices(tensor::Optimizer& optimizer) const;
  // Every rank gets the others' slices of the parameters, or of the optimizer state.
  Status GatherParameters();
  Status GatherState();

 private:
  Slice Own(const SegmentMemory& segment) const;
  std::vector<size_t> CountsOf(const SegmentMemory& segment) const;
  Status Gather(const SegmentMemory& segment, std::byte* data);

  const std::span<const SegmentMemory> segments_;
  Communicator& communicator_;
  const Site site_;
};

}  // namespace eta::parallel
