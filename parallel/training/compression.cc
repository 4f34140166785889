#include "parallel/training/compression.h"

#include <algorithm>
#include <vector>

#include "parallel/core/narrow.h"
#include "parallel/core/reduce.h"
#include "parallel/training/segment_exchange.h"

namespace eta::parallel {
namespace {

// Of a rank's numbers, in one collective: 512 KiB.
constexpr size_t kChunk = 256 * 1024;

class RoundedSum {
 public:
  RoundedSum(std::span<const double> weights, Communicator& communicator, Site site)
      : weights_(weights),
        communicator_(communicator),
        site_(site),
        wide_(weights.size() * kReduceBlockBytes) {}

  // Elements [at, at + count), which are at most a chunk.
  Status Add(const SegmentMemory& segment, size_t at, size_t count) {
    const size_t ranks = weights_.size(), element = SizeOf(segment.dtype);
    own_.resize(count);
    all_.resize(ranks * count);
    Narrow(segment.dtype, segment.gradient + at * element, count, own_.data());
    const std::vector<size_t> counts(ranks, count);
    const Buffer input{own_.data(), count, DType::kBFloat16};
    const Buffer output{all_.data(), ranks * count, DType::kBFloat16};
    Status status = communicator_.AllGather(input, output, counts, site_).status();
    if (status.ok()) AddUp(segment, at, count);
    return status;
  }

 private:
  void AddUp(const SegmentMemory& segment, size_t at, size_t count) {
    const size_t element = SizeOf(segment.dtype), block = kReduceBlockBytes / element;
    std::vector<const std::byte*> inputs(weights_.size());
    for (size_t begin = 0; begin < count; begin += block) {
      const size_t part = std::min(block, count - begin);
      for (size_t r = 0; r < inputs.size(); ++r) {
        std::byte* const numbers = wide_.data() + r * kReduceBlockBytes;
        Widen(segment.dtype, all_.data() + r * count + begin, part, numbers);
        inputs[r] = numbers;
      }
      ReduceWeightedBlock(segment.dtype, inputs, weights_, part,
                          segment.gradient + (at + begin) * element);
    }
  }

  const std::span<const double> weights_;
  Communicator& communicator_;
  const Site site_;
  std::vector<BFloat16> own_, all_;
  std::vector<std::byte> wide_;
};

}  // namespace

void RoundGradients(std::span<const SegmentMemory> segments, PhaseLog& log) {
  const PhaseScope reducing(&log, Phase::kReduce);
  for (const SegmentMemory& segment : segments) {
    if (IsNarrowed(segment.dtype)) RoundToNarrow(segment.dtype, segment.gradient, segment.count);
  }
}

Status SumRounded(std::span<const SegmentMemory> segments, std::span<const double> weights,
                  Communicator& communicator, Site site, PhaseLog& log) {
  RoundedSum sum(weights, communicator, site);
  for (size_t s = 0; s < segments.size(); ++s) {
    const SegmentMemory& segment = segments[s];
    const PhaseScope reducing(&log, Phase::kReduce, /*bytes=*/0, static_cast<uint32_t>(s));
    if (!IsNarrowed(segment.dtype)) {
      Status status = SumAddends(segments.subspan(s, 1), weights, communicator, site, log);
      if (!status.ok()) return status;
      continue;
    }
    for (size_t at = 0; at < segment.count; at += kChunk) {
      Status status = sum.Add(segment, at, std::min(kChunk, segment.count - at));
      if (!status.ok()) return status;
    }
  }
  return {};
}

}  // namespace eta::parallel
