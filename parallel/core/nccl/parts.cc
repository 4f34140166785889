#include "parallel/core/nccl/parts.h"

#include <algorithm>

#include "parallel/core/slice.h"

namespace eta::parallel::nccl {
namespace {

bool AllEqual(std::span<const size_t> counts) {
  return std::all_of(counts.begin(), counts.end(), [&](size_t n) { return n == counts[0]; });
}

// Calls f(part, begin, count) for the parts that are not empty, as one operation. All agree on the
// counts, and so on what is left out; begin is in bytes.
template <class F>
Status ForEachPart(Comm& comm, std::span<const size_t> counts, DType dtype, const F& f) {
  return comm.Group([&]() -> Status {
    for (int part = 0; part < static_cast<int>(counts.size()); ++part) {
      const Slice slice = PartOf(counts, part);
      if (slice.count() == 0) continue;
      if (Status s = f(part, slice.begin * SizeOf(dtype), slice.count()); !s.ok()) return s;
    }
    return {};
  });
}

}  // namespace

Status AllReduceAll(Comm& comm, std::span<const Buffer> buffers, ReduceOp op, Stream stream) {
  const auto reduce = [&](const Buffer& b) {
    return comm.AllReduce(b.data, b.data, b.count, b.dtype, op, stream);
  };
  if (buffers.size() == 1) return reduce(buffers[0]);
  return comm.Group([&]() -> Status {
    for (const Buffer& buffer : buffers) {
      if (Status s = reduce(buffer); !s.ok()) return s;
    }
    return {};
  });
}

Status ReduceScatterParts(Comm& comm, int own, const void* whole, void* out,
                          std::span<const size_t> counts, DType dtype, ReduceOp op, Stream stream) {
  if (AllEqual(counts)) return comm.ReduceScatter(whole, out, counts[0], dtype, op, stream);
  return ForEachPart(comm, counts, dtype, [&](int part, size_t begin, size_t count) {
    return comm.Reduce(static_cast<const std::byte*>(whole) + begin, part == own ? out : nullptr,
                       count, dtype, op, part, stream);
  });
}

Status AllGatherParts(Comm& comm, int own, const void* part, void* whole,
                      std::span<const size_t> counts, DType dtype, Stream stream) {
  if (AllEqual(counts)) return comm.AllGather(part, whole, counts[0], dtype, stream);
  return ForEachPart(comm, counts, dtype, [&](int root, size_t begin, size_t count) {
    std::byte* const to = static_cast<std::byte*>(whole) + begin;
    return comm.Broadcast(root == own ? part : to, to, count, dtype, root, stream);
  });
}

Status AllToAllParts(Comm& comm, int own, const void* whole, void* out,
                     std::span<const size_t> counts, DType dtype, Stream stream) {
  const size_t own_count = counts[static_cast<size_t>(own)];
  return comm.Group([&]() -> Status {
    for (int peer = 0; peer < static_cast<int>(counts.size()); ++peer) {
      const Slice part = PartOf(counts, peer);
      if (part.count() > 0) {
        const auto* from = static_cast<const std::byte*>(whole) + part.begin * SizeOf(dtype);
        if (Status s = comm.Send(from, part.count(), dtype, peer, stream); !s.ok()) return s;
      }
      if (own_count == 0) continue;
      const size_t begin = static_cast<size_t>(peer) * own_count * SizeOf(dtype);
      std::byte* const to = static_cast<std::byte*>(out) + begin;
      if (Status s = comm.Receive(to, own_count, dtype, peer, stream); !s.ok()) return s;
    }
    return {};
  });
}

}  // namespace eta::parallel::nccl
