#include "parallel/training/segment_exchange.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <vector>

#include "parallel/core/reduce.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {

Nonfinite FindNonfiniteAddend(std::span<const SegmentMemory> segments, size_t shards, int rank) {
  for (size_t s = 0; s < segments.size(); ++s) {
    const SegmentMemory& segment = segments[s];
    const size_t all = segment.count * shards;
    const size_t at = FindNonfinite(segment.dtype, segment.addends, all);
    if (at < all) return {true, s, at % segment.count, rank};
  }
  return {};
}

Status Complete(std::span<Work> works, const Exchange& exchange) {
  const Status status = WaitForAll(works);
  if (!status.ok() || exchange.place.on_host()) return status;
  return exchange.communicator.Barrier(exchange.site).status();
}

void Weigh(const at::Tensor& tensor, double weight, const ExchangePlace& place) {
  const at::NoGradGuard no_grad;
  if (!place.on_host()) {
    tensor.mul_(weight);
    return;
  }
  const Buffer buffer = place.BufferOf(tensor);
  const size_t element = SizeOf(buffer.dtype), block = kReduceBlockBytes / element;
  for (size_t at = 0; at < buffer.count; at += block) {
    std::byte* const data = static_cast<std::byte*>(buffer.data) + at * element;
    const std::byte* const input = data;
    ReduceWeightedBlock(buffer.dtype, {&input, 1}, {&weight, 1}, std::min(block, buffer.count - at),
                        data);
  }
}

Status SumTensors(std::span<const at::Tensor> tensors, double weight, const Exchange& exchange) {
  std::vector<Work> works;
  for (const at::Tensor& tensor : tensors) {
    const auto number = static_cast<uint32_t>(works.size());
    const PhaseScope reducing(&exchange.log, Phase::kReduce, /*bytes=*/0, number);
    Weigh(tensor, weight, exchange.place);
    works.push_back(exchange.communicator.AllReduce(exchange.place.BufferOf(tensor), ReduceOp::kSum,
                                                    exchange.site));
  }
  return Complete(works, exchange);
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
