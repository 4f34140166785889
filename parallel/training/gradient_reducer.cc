#include "parallel/training/gradient_reducer.h"

#include <tuple>
#include <utility>

#include "parallel/training/segment_exchange.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {
namespace {

// In the order of memory.
bool Before(const Nonfinite& a, const Nonfinite& b) {
  return std::tie(a.segment, a.element) < std::tie(b.segment, b.element);
}

}  // namespace

GradientReducer::GradientReducer(const Parts& parts)
    : parts_(parts), written_(parts.optimizer.parameters().size(), 0) {
  for (const Bucket& bucket : parts_.buckets.buckets()) {
    missing_.push_back(bucket.gradients.size());
  }
}

void GradientReducer::OnGradient(const at::Tensor& parameter, bool held) {
  const int index = parts_.buckets.IndexOf(parameter);
  if (index < 0) return;
  size_t& missing = missing_[parts_.buckets.BucketOf(static_cast<size_t>(index))];
  TORCH_CHECK(missing > 0 && !std::exchange(written_[static_cast<size_t>(index)], 1),
              "the gradient of ", parts_.optimizer.parameters()[index].name,
              " was written again after the backward pass had finished it");
  if (held) LaunchReady();  // what was held before; this one later
  --missing;
  ready_.push_back(static_cast<uint32_t>(index));
  if (!held) LaunchReady();
}

void GradientReducer::LaunchReady() {
  while (launched_ < missing_.size() && missing_[launched_] == 0) {
    const size_t number = launched_++;
    Launch(parts_.buckets.buckets()[number], static_cast<uint32_t>(number));
  }
}

void GradientReducer::LaunchRest() {
  missing_.assign(missing_.size(), 0);
  LaunchReady();
}

// Without this rank's part of a bucket nobody can go on.
void GradientReducer::Launch(const Bucket& bucket, uint32_t number) {
  if (!status_.ok()) return;
  try {
    Send(bucket, number);
  } catch (const std::exception& e) {
    const int rank = parts_.communicator.rank();
    status_ = {Code::kPeerFailed,
               "rank " + std::to_string(rank) + " could not send its gradients: " + e.what(), rank};
    parts_.communicator.Abort(status_);
  }
}

void GradientReducer::Send(const Bucket& bucket, uint32_t number) {
  const PhaseScope reducing(&parts_.log, Phase::kReduce, /*bytes=*/0, number);
  for (size_t i : bucket.gradients) parts_.optimizer.TakeGradient(i);
  if (parts_.communicator.size() == 1) return;
  std::vector<Buffer> buffers;
  for (const GradientPlace& place : bucket.pieces) {
    const at::Tensor& gradient = parts_.optimizer.segments()[place.segment].tensors.gradient;
    const size_t element = SizeOf(place.dtype);
    const at::Tensor piece = gradient.narrow(0, static_cast<int64_t>(place.begin / element),
                                             static_cast<int64_t>(place.bytes() / element));
    buffers.push_back(parts_.place.BufferOf(piece));
    if (parts_.place.on_host()) LookAt(place, buffers.back());
    Weigh(piece, parts_.weight, parts_.place);
  }
  works_.push_back(parts_.communicator.StartAllReduce(buffers, ReduceOp::kSum, parts_.site));
  if (works_.back().Done()) status_ = works_.back().status();
}

// Whose gradient is not finite has to be known before the sums of others mix with it; a device
// would have to be waited for.
void GradientReducer::LookAt(const GradientPlace& place, const Buffer& buffer) {
  const size_t at =
      FindNonfinite(buffer.dtype, static_cast<const std::byte*>(buffer.data), buffer.count);
  if (at == buffer.count) return;
  const Nonfinite found{true, place.segment, place.begin / SizeOf(buffer.dtype) + at,
                        parts_.communicator.rank()};
  if (!nonfinite_.found || Before(found, nonfinite_)) nonfinite_ = found;
}

Status GradientReducer::Wait() {
  const Status status = WaitForAll(works_);
  if (status_.ok()) status_ = status;
  return status_;
}

}  // namespace eta::parallel
