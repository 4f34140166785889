#include "parallel/training/slice_exchange.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "parallel/training/compression.h"
#include "parallel/training/nonfinite.h"
#include "parallel/training/weighted_sum.h"

namespace eta::parallel {

using at::Tensor;

Slice SliceExchange::Owned(size_t segment, int rank) const {
  const Tensor& parameter = tensors(segment).parameter;
  return OwnedSlice(static_cast<size_t>(parameter.numel()), parameter.element_size(), rank,
                    exchange_.communicator.size());
}

Tensor SliceExchange::OwnPart(size_t segment, const Tensor& whole) const {
  const Slice own = Own(segment);
  return whole.narrow(-1, static_cast<int64_t>(own.begin), static_cast<int64_t>(own.count()));
}

std::vector<size_t> SliceExchange::CountsOf(size_t segment) const {
  std::vector<size_t> counts;
  for (int r = 0; r < exchange_.communicator.size(); ++r) {
    counts.push_back(Owned(segment, r).count());
  }
  return counts;
}

Status SliceExchange::ScatterGradients(double weight) {
  std::vector<Work> works;
  for (size_t s = 0; s < segments(); ++s) {
    const PhaseScope reducing(&exchange_.log, Phase::kReduce, /*bytes=*/0,
                              static_cast<uint32_t>(s));
    const Tensor& gradient = tensors(s).gradient;
    Weigh(gradient, weight, exchange_.place);
    works.push_back(exchange_.communicator.ReduceScatter(
        exchange_.place.BufferOf(gradient), exchange_.place.BufferOf(OwnPart(s, gradient)),
        CountsOf(s), ReduceOp::kSum, exchange_.site));
  }
  return WaitForAll(works);
}

// One segment after the other, as each needs memory for what comes.
Status SliceExchange::ScatterAddends(std::span<const Tensor> addends,
                                     std::span<const double> weights) {
  const at::NoGradGuard no_grad;
  for (size_t s = 0; s < segments(); ++s) {
    const PhaseScope reducing(&exchange_.log, Phase::kReduce, /*bytes=*/0,
                              static_cast<uint32_t>(s));
    const Result<Tensor> received = Receive(s, addends[s]);
    if (!received) return received.error();
    std::vector<Tensor> in_order;
    for (const Tensor& of_rank : received->unbind(1)) {
      for (const Tensor& addend : of_rank.unbind(0)) in_order.push_back(addend);
    }
    const Tensor own = OwnPart(s, tensors(s).gradient);
    const Tensor sum = WeightedSum(in_order, weights, own.scalar_type());
    own.copy_(sum.to(TravelType(optimizer_, own.scalar_type())));
  }
  return {};
}

// This rank's slice of everybody's addends: (addends of a rank, ranks, elements).
Result<Tensor> SliceExchange::Receive(size_t segment, const Tensor& addends) {
  const Tensor sent = addends.to(TravelType(optimizer_, addends.scalar_type()));
  const auto elements = static_cast<int64_t>(Own(segment).count());
  const Tensor received =
      at::empty({sent.size(0), exchange_.communicator.size(), elements}, sent.options());
  std::vector<Work> works;
  for (int64_t i = 0; i < sent.size(0); ++i) {
    works.push_back(exchange_.communicator.AllToAll(exchange_.place.BufferOf(sent[i]),
                                                    exchange_.place.BufferOf(received[i]),
                                                    CountsOf(segment), exchange_.site));
  }
  const Status status = WaitForAll(works);
  if (!status.ok()) return Unexpected(status);
  return received;
}

// The owners' part of `whole` becomes everybody's.
Work SliceExchange::Gather(size_t segment, const Tensor& whole) {
  return exchange_.communicator.AllGather(exchange_.place.BufferOf(OwnPart(segment, whole)),
                                          exchange_.place.BufferOf(whole), CountsOf(segment),
                                          exchange_.site);
}

// What was rounded is not any more by travelling so.
Status SliceExchange::GatherGradients() {
  const at::NoGradGuard no_grad;
  std::vector<Tensor> travelling;
  std::vector<Work> works;
  for (size_t s = 0; s < segments(); ++s) {
    const Tensor& gradient = tensors(s).gradient;
    travelling.push_back(gradient.to(TravelType(optimizer_, gradient.scalar_type())));
    works.push_back(Gather(s, travelling[s]));
  }
  const Status status = Complete(works, exchange_);
  if (!status.ok()) return status;
  for (size_t s = 0; s < segments(); ++s) {
    const Tensor& gradient = tensors(s).gradient;
    if (!travelling[s].is_same(gradient)) gradient.copy_(travelling[s]);
  }
  return {};
}

Status SliceExchange::GatherParameters() {
  std::vector<Work> works;
  for (size_t s = 0; s < segments(); ++s) works.push_back(Gather(s, tensors(s).parameter));
  return Complete(works, exchange_);
}

Status SliceExchange::GatherState() {
  std::vector<Work> works;
  for (size_t s = 0; s < segments(); ++s) {
    for (const Tensor& state : tensors(s).state) {
      if (state.defined()) works.push_back(Gather(s, state));
    }
  }
  return Complete(works, exchange_);
}

SliceExchange::Findings SliceExchange::LookAtSlices() const {
  Findings found;
  std::vector<Tensor> slices;
  for (size_t s = 0; s < segments(); ++s) {
    slices.push_back(OwnPart(s, tensors(s).gradient));
    if (!optimizer_.settings.clipping.by_norm()) continue;
    const Slice own = Own(s);
    found.squares += optimizer_.SquaredGradients(s, static_cast<int64_t>(own.begin),
                                                 static_cast<int64_t>(own.end));
  }
  found.nonfinite = FindNonfiniteSum(slices, exchange_.place);
  if (found.nonfinite.found) found.nonfinite.element += Own(found.nonfinite.segment).begin;
  return found;
}

SliceExchange::Findings SliceExchange::Combine(std::span<const Findings> by_rank) {
  Findings all;
  for (const Findings& found : by_rank) {
    if (!all.nonfinite.found) all.nonfinite = found.nonfinite;
    all.squares += found.squares;
  }
  return all;
}

void SliceExchange::UpdateSlices() {
  for (size_t s = 0; s < segments(); ++s) {
    const Slice own = Own(s);
    optimizer_.UpdateRange(s, static_cast<int64_t>(own.begin), static_cast<int64_t>(own.end));
  }
}

}  // namespace eta::parallel
