#include "parallel/training/slice_owner.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/vectorized.h"
#include "parallel/core/narrow.h"
#include "parallel/core/reduce.h"
#include "torch/clipping.h"

namespace eta::parallel {
namespace {

using tensor::Tensor;

// A number is not finite exactly if all bits of its exponent are set. Adding the lowest of them
// then carries into the sign's place; `Bits` without a loop-carried comparison vectorises.
template <class Bits, Bits exponent, Bits carry>
[[gnu::always_inline]] inline bool HasNonfinite(const std::byte* data, size_t count) {
  const auto* bits = reinterpret_cast<const Bits*>(data);
  Bits seen = 0;
  for (size_t i = 0; i < count; ++i) seen |= static_cast<Bits>((bits[i] & exponent) + carry);
  return (seen >> (8 * sizeof(Bits) - 1)) != 0;
}

// The same for numbers T, with fewer instructions where all are finite: sums of them are finite
// only then, since nothing makes an infinity or a NaN finite again.
template <class T, class Bits, Bits exponent, Bits carry>
[[gnu::always_inline]] inline bool HasNonfiniteNumber(const std::byte* data, size_t count) {
  constexpr size_t kSums = 128 / sizeof(T);
  const T* numbers = reinterpret_cast<const T*>(data);
  T sums[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (size_t j = 0; j < kSums; ++j) sums[j] += numbers[i + j];
  }
  for (size_t j = 0; i < count; ++i, ++j) sums[j] += numbers[i];
  return HasNonfinite<Bits, exponent, carry>(reinterpret_cast<const std::byte*>(sums), kSums) &&
         HasNonfinite<Bits, exponent, carry>(data, count);
}

ETA_VECTORIZED bool HasNonfinite(DType dtype, const std::byte* data, size_t count) {
  switch (dtype) {
    case DType::kFloat64:
      return HasNonfiniteNumber<double, uint64_t, 0x7FF0000000000000, 0x0010000000000000>(data,
                                                                                          count);
    case DType::kFloat32:
      return HasNonfiniteNumber<float, uint32_t, 0x7F800000, 0x00800000>(data, count);
    case DType::kFloat16:
      return HasNonfinite<uint16_t, 0x7C00, 0x0400>(data, count);
    case DType::kBFloat16:
      return HasNonfinite<uint16_t, 0x7F80, 0x0080>(data, count);
    default:
      return false;  // integers are finite
  }
}

// Calls f(begin, count) for blocks of the slice that stay in the first-level cache.
template <class F>
void ForEachBlock(Slice slice, size_t element_size, const F& f) {
  const size_t block = kReduceBlockBytes / element_size;
  for (size_t at = slice.begin; at < slice.end; at += block) f(at, std::min(block, slice.end - at));
}

}  // namespace

size_t FindNonfinite(DType dtype, const std::byte* data, size_t count) {
  if (!HasNonfinite(dtype, data, count)) return count;
  size_t i = 0;
  while (!HasNonfinite(dtype, data + i * SizeOf(dtype), 1)) ++i;
  return i;
}

Slice SliceOwner::OwnedOf(const SegmentMemory& segment) const {
  if (!owns()) return {};
  return OwnedSlices(segment.count, SizeOf(segment.dtype), owner_, owners_,
                     static_cast<int>(size()));
}

Nonfinite SliceOwner::SumGradients(std::span<const double> weights, PhaseLog* log,
                                   bool rounded) const {
  Nonfinite nonfinite;
  const auto& segments = own().segments;
  for (size_t s = 0; s < segments.size(); ++s) {
    const size_t bytes = segments[s].count * SizeOf(segments[s].dtype);
    const PhaseScope reducing(log, Phase::kReduce, bytes, static_cast<uint32_t>(s));
    SumSegment(s, weights, rounded && IsNarrowed(segments[s].dtype), &nonfinite);
  }
  return nonfinite;
}

void SliceOwner::SumSegment(size_t segment, std::span<const double> weights, bool rounded,
                            Nonfinite* nonfinite) const {
  const SegmentMemory& own = this->own().segments[segment];
  const size_t element = SizeOf(own.dtype);
  std::array<const std::byte*, kMaxAddends> inputs;
  ForEachBlock(OwnedOf(own), element, [&](size_t at, size_t count) {
    for (size_t i = 0; i < weights.size(); ++i) {
      inputs[i] = Addend(segment, i, weights.size()) + at * element;
    }
    std::byte* const sums = kept().segments[segment].sums + at * element;
    ReduceWeightedBlock(own.dtype, std::span(inputs.data(), weights.size()), weights, count, sums);
    if (rounded) RoundToNarrow(own.dtype, sums, count);
    const size_t bad = nonfinite->found ? count : FindNonfinite(own.dtype, sums, count);
    if (bad < count) {
      const int cause = CauseOf(segment, at + bad, weights.size());
      *nonfinite = {true, segment, at + bad, cause};
    }
  });
}

const std::byte* SliceOwner::Addend(size_t segment, size_t index, size_t addends) const {
  const size_t each = addends / size();
  const SegmentMemory& theirs = memory(index / each).segments[segment];
  return theirs.addends + index % each * theirs.count * SizeOf(theirs.dtype);
}

int SliceOwner::CauseOf(size_t segment, size_t element, size_t addends) const {
  const DType dtype = memory(0).segments[segment].dtype;
  for (size_t i = 0; i < addends; ++i) {
    const std::byte* value = Addend(segment, i, addends) + element * SizeOf(dtype);
    if (HasNonfinite(dtype, value, 1)) return static_cast<int>(i * size() / addends);
  }
  return -1;
}

void SliceOwner::SquareSums(std::vector<double>* squares) const {
  squares->assign(size(), 0);
  if (!owns()) return;
  const int slices = static_cast<int>(size()), end = FirstSlice(owner_ + 1, owners_, slices);
  for (int i = FirstSlice(owner_, owners_, slices); i < end; ++i) {
    for (size_t s = 0; s < own().segments.size(); ++s) {
      const SegmentMemory& segment = own().segments[s];
      const Slice slice = OwnedSlice(segment.count, SizeOf(segment.dtype), i, slices);
      (*squares)[static_cast<size_t>(i)] += tensor::SumOfSquares(
          kept().owner->segments[s].gradient, static_cast<int64_t>(slice.begin),
          static_cast<int64_t>(slice.count()));
    }
  }
}

void SliceOwner::Update(tensor::Optimizer& optimizer) const {
  if (!owns()) return;
  const auto& segments = own().segments;
  for (size_t s = 0; s < segments.size(); ++s) {
    const tensor::UpdateTensors& kept = this->kept().owner->segments[s];
    ForEachBlock(OwnedOf(segments[s]), SizeOf(segments[s].dtype), [&](size_t at, size_t count) {
      optimizer.UpdateRange(s, kept, static_cast<int64_t>(at), static_cast<int64_t>(at + count));
      HandOver(s, at, count);
    });
  }
}

void SliceOwner::HandOver(size_t segment, size_t begin, size_t count) const {
  const OwnerMemory& owner = *kept().owner;
  const auto* const from =
      static_cast<const std::byte*>(owner.segments[segment].parameter.const_data_ptr());
  const size_t element = SizeOf(kept().segments[segment].dtype);
  const auto write = [&](std::byte* parameters) {
    std::memcpy(parameters + begin * element, from + begin * element, count * element);
  };
  for (size_t r = 0; r < size(); ++r) {
    if (memory(r).shares_parameters) continue;
    if (!owner.handed_over.empty()) {
      return write(static_cast<std::byte*>(owner.handed_over[segment].data_ptr()));
    }
    std::byte* const parameters = memory(r).segments[segment].parameter;
    if (parameters != from) write(parameters);
  }
}

void SliceOwner::CollectSums() const {
  const auto& segments = own().segments;
  ForEachOwner(segments, owners_, size(), [&](size_t s, size_t o, size_t begin, size_t bytes) {
    if (static_cast<int>(o) == rank_) return;
    std::memcpy(segments[s].gradient + begin, memory(o).segments[s].sums + begin, bytes);
  });
}

void SliceOwner::CollectState() const {
  const auto& segments = own().segments;
  ForEachOwner(segments, owners_, size(), [&](size_t s, size_t o, size_t begin, size_t bytes) {
    if (static_cast<int>(o) == rank_) return;
    for (int k = 0; k < tensor::kMaxStates; ++k) {
      if (segments[s].state[k] == nullptr) continue;
      std::memcpy(segments[s].state[k] + begin, memory(o).segments[s].state[k] + begin, bytes);
    }
  });
}

void SliceOwner::CopyInitial(int from) const {
  if (rank_ == from) return;
  const auto& theirs = memory(static_cast<size_t>(from)).initial;
  const auto& mine = own().initial;
  for (size_t i = 0; i < mine.size(); ++i) {
    if (mine[i].count > 0) std::memcpy(mine[i].data, theirs[i].data, mine[i].bytes());
  }
}

}  // namespace eta::parallel
