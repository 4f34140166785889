#include "parallel/training/segment_exchange.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "parallel/core/reduce.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {
namespace {

// Looks at `copies` times a segment's elements where `data` says.
template <class Data>
Nonfinite Search(std::span<const SegmentMemory> segments, size_t copies, int rank,
                 const Data& data) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const SegmentMemory& segment = segments[s];
    const size_t all = segment.count * copies;
    const size_t at = FindNonfinite(segment.dtype, data(segment), all);
    if (at < all) return {true, s, at % segment.count, rank};
  }
  return {};
}

// Collects a block of every addend of every rank, and adds them up.
class AddendGatherer {
 public:
  AddendGatherer(std::span<const double> weights, Communicator& communicator, Site site)
      : weights_(weights),
        communicator_(communicator),
        site_(site),
        size_(static_cast<size_t>(communicator.size())),
        shards_(weights.size() / size_),
        blocks_(weights.size() * kReduceBlockBytes) {}

  // Elements [at, at + count), which are at most a block.
  Status Sum(const SegmentMemory& segment, size_t at, size_t count) {
    const size_t element = SizeOf(segment.dtype), bytes = count * element;
    const std::vector<size_t> counts(size_, count);
    std::vector<const std::byte*> inputs(weights_.size());
    for (size_t i = 0; i < shards_; ++i) {
      const std::byte* own = segment.addends + (i * segment.count + at) * element;
      std::byte* const all = blocks_.data() + i * size_ * bytes;
      // AllGather reads its input only.
      const Buffer input{const_cast<std::byte*>(own), count, segment.dtype};
      const Buffer output{all, size_ * count, segment.dtype};
      Status status = communicator_.AllGather(input, output, counts, site_).status();
      if (!status.ok()) return status;
      for (size_t r = 0; r < size_; ++r) inputs[r * shards_ + i] = all + r * bytes;
    }
    ReduceWeightedBlock(segment.dtype, inputs, weights_, count, segment.gradient + at * element);
    return {};
  }

 private:
  const std::span<const double> weights_;
  Communicator& communicator_;
  const Site site_;
  const size_t size_, shards_;
  std::vector<std::byte> blocks_;
};

}  // namespace

Nonfinite FindNonfinite(std::span<const SegmentMemory> segments, int rank) {
  return Search(segments, 1, rank, [](const SegmentMemory& segment) { return segment.gradient; });
}

Nonfinite FindNonfiniteAddend(std::span<const SegmentMemory> segments, size_t shards, int rank) {
  return Search(segments, shards, rank,
                [](const SegmentMemory& segment) { return segment.addends; });
}

void Weigh(const SegmentMemory& segment, double weight) {
  const size_t element = SizeOf(segment.dtype), block = kReduceBlockBytes / element;
  for (size_t at = 0; at < segment.count; at += block) {
    std::byte* const data = segment.gradient + at * element;
    const std::byte* const input = data;
    ReduceWeightedBlock(segment.dtype, {&input, 1}, {&weight, 1},
                        std::min(block, segment.count - at), data);
  }
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

Status SumAddends(std::span<const SegmentMemory> segments, std::span<const double> weights,
                  Communicator& communicator, Site site, PhaseLog& log) {
  AddendGatherer gatherer(weights, communicator, site);
  for (size_t s = 0; s < segments.size(); ++s) {
    const PhaseScope reducing(&log, Phase::kReduce, /*bytes=*/0, static_cast<uint32_t>(s));
    const size_t block = kReduceBlockBytes / SizeOf(segments[s].dtype);
    for (size_t at = 0; at < segments[s].count; at += block) {
      const size_t count = std::min(block, segments[s].count - at);
      Status status = gatherer.Sum(segments[s], at, count);
      if (!status.ok()) return status;
    }
  }
  return {};
}

Status SumTensors(std::span<const at::Tensor> tensors, double weight, const ExchangePlace& place,
                  Communicator& communicator, Site site) {
  const at::NoGradGuard no_grad;
  std::vector<Work> works;
  for (const at::Tensor& tensor : tensors) {
    if (weight != 1) tensor.mul_(weight);
    works.push_back(communicator.AllReduce(place.BufferOf(tensor), ReduceOp::kSum, site));
  }
  return WaitForAll(works);
}

Status CopyFrom(int root, std::span<const Buffer> buffers, Communicator& communicator, Site site) {
  for (const Buffer& buffer : buffers) {
    Work work = communicator.Broadcast(buffer, root, site);
    Status status = work.Wait(Deadline::max());
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace eta::parallel
