// Gradients that travel as bfloat16, for optimizers with 'compress: each rank's numbers are rounded
// once, added up in their own type, in the order of the ranks, and their sums are rounded. So every
// rank has the same bits, and on every backend the same ones.
//
// Thread safety: the isolate's thread.
#pragma once

#include <span>

#include "parallel/core/phase_log.h"
#include "parallel/training/step_memory.h"

namespace eta::parallel {

// Makes this rank's gradients, on the CPU, what they are to the others. Half types stay as they
// are.
void RoundGradients(std::span<const SegmentMemory> segments, PhaseLog& log);

// As what the optimizer's gradients of `type` travel.
at::ScalarType TravelType(const tensor::Optimizer& optimizer, at::ScalarType type);

}  // namespace eta::parallel
