#include "parallel/training/compression.h"

#include "parallel/core/narrow.h"
#include "parallel/training/dtypes.h"

namespace eta::parallel {

void RoundGradients(std::span<const SegmentMemory> segments, PhaseLog& log) {
  const PhaseScope reducing(&log, Phase::kReduce);
  for (const SegmentMemory& segment : segments) {
    if (IsNarrowed(segment.dtype)) RoundToNarrow(segment.dtype, segment.gradient, segment.count);
  }
}

at::ScalarType TravelType(const tensor::Optimizer& optimizer, at::ScalarType type) {
  return optimizer.settings.compress && IsNarrowed(DTypeOf(type)) ? at::kBFloat16 : type;
}

}  // namespace eta::parallel
