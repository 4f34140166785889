#include "parallel/training/slice_exchange.h"

#include "parallel/training/segment_exchange.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {

Slice SliceExchange::Own(const SegmentMemory& segment) const {
  return OwnedSlice(segment.count, SizeOf(segment.dtype), communicator_.rank(),
                    communicator_.size());
}

std::vector<size_t> SliceExchange::CountsOf(const SegmentMemory& segment) const {
  std::vector<size_t> counts;
  for (int r = 0; r < communicator_.size(); ++r) {
    const Slice slice = OwnedSlice(segment.count, SizeOf(segment.dtype), r, communicator_.size());
    counts.push_back(slice.count());
  }
  return counts;
}

Status SliceExchange::ScatterGradients(double weight, PhaseLog& log) {
  for (size_t s = 0; s < segments_.size(); ++s) {
    const SegmentMemory& segment = segments_[s];
    const PhaseScope reducing(&log, Phase::kReduce, /*bytes=*/0, static_cast<uint32_t>(s));
    Weigh(segment, weight);
    const Slice slice = Own(segment);
    std::byte* const part = segment.gradient + slice.begin * SizeOf(segment.dtype);
    Status status = communicator_
                        .ReduceScatter({segment.gradient, segment.count, segment.dtype},
                                       {part, slice.count(), segment.dtype}, CountsOf(segment),
                                       ReduceOp::kSum, site_)
                        .status();
    if (!status.ok()) return status;
  }
  return {};
}

SliceExchange::Findings SliceExchange::LookAtSlices(const tensor::Optimizer& optimizer) const {
  Findings found;
  for (size_t s = 0; s < segments_.size(); ++s) {
    const SegmentMemory& segment = segments_[s];
    const Slice slice = Own(segment);
    const size_t count = slice.count();
    const std::byte* const sums = segment.gradient + slice.begin * SizeOf(segment.dtype);
    const size_t at = FindNonfinite(segment.dtype, sums, count);
    if (at < count && !found.nonfinite.found) found.nonfinite = {true, s, slice.begin + at, -1};
    if (!optimizer.settings.clipping.by_norm()) continue;
    found.squares += optimizer.SquaredGradients(s, static_cast<int64_t>(slice.begin),
                                                static_cast<int64_t>(slice.end));
  }
  return found;
}

void SliceExchange::UpdateSlices(tensor::Optimizer& optimizer) const {
  for (size_t s = 0; s < segments_.size(); ++s) {
    const Slice slice = Own(segments_[s]);
    optimizer.UpdateRange(s, static_cast<int64_t>(slice.begin), static_cast<int64_t>(slice.end));
  }
}

Status SliceExchange::Share(Findings* findings) {
  const auto size = static_cast<size_t>(communicator_.size());
  std::vector<Findings> all(size);
  const std::vector<size_t> counts(size, sizeof(Findings));
  const Buffer input{findings, sizeof(Findings), DType::kUInt8};
  const Buffer output{all.data(), size * sizeof(Findings), DType::kUInt8};
  Status status = communicator_.AllGather(input, output, counts, site_).status();
  if (!status.ok()) return status;
  *findings = {};
  for (const Findings& theirs : all) {
    if (!findings->nonfinite.found) findings->nonfinite = theirs.nonfinite;
    findings->squares += theirs.squares;
  }
  return {};
}

Status SliceExchange::Gather(const SegmentMemory& segment, std::byte* data) {
  const std::vector<size_t> counts = CountsOf(segment);
  const Slice slice = Own(segment);
  std::byte* const part = data + slice.begin * SizeOf(segment.dtype);
  return communicator_
      .AllGather({part, slice.count(), segment.dtype}, {data, segment.count, segment.dtype}, counts,
                 site_)
      .status();
}

Status SliceExchange::GatherParameters() {
  for (const SegmentMemory& segment : segments_) {
    Status status = Gather(segment, segment.parameter);
    if (!status.ok()) return status;
  }
  return {};
}

Status SliceExchange::GatherState() {
  for (const SegmentMemory& segment : segments_) {
    for (std::byte* state : segment.state) {
      if (state == nullptr) continue;
      Status status = Gather(segment, state);
      if (!status.ok()) return status;
    }
  }
  return {};
}

}  // namespace eta::parallel
