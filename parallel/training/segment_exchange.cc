#include "parallel/training/segment_exchange.h"

#include <algorithm>

#include "parallel/core/reduce.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {
namespace {

// Multiplies the gradient.
void Weigh(const SegmentMemory& segment, double weight) {
  const size_t element = SizeOf(segment.dtype), block = kReduceBlockBytes / element;
  for (size_t at = 0; at < segment.count; at += block) {
    std::byte* const data = segment.gradient + at * element;
    const std::byte* const input = data;
    ReduceWeightedBlock(segment.dtype, {&input, 1}, {&weight, 1},
                        std::min(block, segment.count - at), data);
  }
}

}  // namespace

Nonfinite FindNonfinite(std::span<const SegmentMemory> segments, int rank) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const SegmentMemory& segment = segments[s];
    const size_t at = FindNonfinite(segment.dtype, segment.gradient, segment.count);
    if (at < segment.count) return {true, s, at, rank};
  }
  return {};
}

Status SumGradients(std::span<const SegmentMemory> segments, double weight,
                    Communicator& communicator, Site site, PhaseLog& log) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const SegmentMemory& segment = segments[s];
    const PhaseScope reducing(&log, Phase::kReduce, /*bytes=*/0, static_cast<uint32_t>(s));
    Weigh(segment, weight);
    const Buffer buffer{segment.gradient, segment.count, segment.dtype};
    Status status = communicator.AllReduce(buffer, ReduceOp::kSum, site).status();
    if (!status.ok()) return status;
  }
  return {};
}

Status CopyFromFirst(std::span<const std::span<std::byte>> memory, Communicator& communicator,
                     Site site) {
  for (const std::span<std::byte> bytes : memory) {
    const Buffer buffer{bytes.data(), bytes.size(), DType::kUInt8};
    Status status = communicator.Broadcast(buffer, 0, site).status();
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace eta::parallel
