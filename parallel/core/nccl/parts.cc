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

}  // namespace eta::parallel::nccl
