#include "parallel/core/gpu_groups/leader.h"

#include "parallel/core/nccl/parts.h"
#include "parallel/core/slice.h"

namespace eta::parallel::gpu_groups {
namespace {

// A part of the memory that a signature is about.
Buffer PartAt(void* whole, Slice slice, DType dtype, Device device) {
  std::byte* const data = static_cast<std::byte*>(whole) + slice.begin * SizeOf(dtype);
  return {data, slice.count(), dtype, device};
}

}  // namespace

Status Leader::Enqueue(std::span<const Member> members, const std::function<Status()>& body) {
  members_.assign(members.begin(), members.end());
  Status status =
      ForEach(group().first, [&](int rank) { return member(rank).event->Block(*parts_.stream); });
  if (status.ok()) status = Poll();
  if (status.ok()) status = body();
  for (const Member& each : members_) {
    const Status recorded = each.event->Record(*parts_.stream);
    if (status.ok()) status = recorded;
  }
  return status;
}

template <class F>
Status Leader::ForEach(int first, const F& f) {
  for (int rank = first; rank < group().end; ++rank) {
    if (Status s = f(rank); !s.ok()) return s;
  }
  return {};
}

// The members' inputs of this number.
Status Leader::AddUp(const Buffer& sum, size_t number, ReduceOp op) {
  std::vector<Buffer> inputs;
  for (const Member& each : members_) inputs.push_back(each.inputs[number]);
  return parts_.ops.Reduce(sum, inputs, op, *parts_.stream);
}

// The leader's outputs take the sums, and NCCL works there in place.
Status Leader::AllReduce(const Signature& signature) {
  DeviceStream& stream = *parts_.stream;
  const std::span<const Buffer> sums = members_[0].outputs;
  Status status;
  for (size_t i = 0; status.ok() && i < sums.size(); ++i) {
    status = AddUp(sums[i], i, signature.reduce);
  }
  if (status.ok() && parts_.comm != nullptr) {
    status = AllReduceAll(*parts_.comm, sums, signature.reduce, stream.native());
  }
  for (size_t i = 0; status.ok() && i < sums.size(); ++i) {
    if (signature.reduce == ReduceOp::kMean) status = parts_.ops.Divide(sums[i], ranks(), stream);
    if (!status.ok()) break;
    status = ForEach(group().first + 1, [&](int rank) {
      return parts_.ops.Copy(member(rank).outputs[i], sums[i], stream);
    });
  }
  return status;
}

// Inputs are only read, so the sums need memory of their own.
Status Leader::ReduceScatter(const Signature& signature, std::span<const size_t> counts) {
  DeviceStream& stream = *parts_.stream;
  const auto memory = parts_.ops.MakeMemory(parts_.device, signature.bytes(), stream);
  if (!memory) return memory.error();
  const auto part = [&](Slice slice) {
    return PartAt((*memory)->data(), slice, signature.dtype, parts_.device);
  };
  Status status = AddUp(part({0, signature.count}), 0, signature.reduce);
  const std::vector<size_t> group_counts = parts_.groups.CountsOf(counts);
  const Buffer own = part(PartOf(group_counts, parts_.group));
  if (status.ok() && parts_.comm != nullptr) {
    status = ReduceScatterParts(*parts_.comm, parts_.group, (*memory)->data(), own.data,
                                group_counts, own.dtype, signature.reduce, stream.native());
  }
  if (status.ok() && signature.reduce == ReduceOp::kMean && own.count > 0) {
    status = parts_.ops.Divide(own, ranks(), stream);
  }
  if (!status.ok()) return status;
  return ForEach(group().first, [&](int rank) -> Status {
    const Buffer from = part(PartOf(counts, rank));
    if (from.count == 0) return {};
    return parts_.ops.Copy({member(rank).output(), from.count, from.dtype, from.device}, from,
                           stream);
  });
}

Status Leader::AllGather(const Signature& signature, std::span<const size_t> counts) {
  DeviceStream& stream = *parts_.stream;
  const auto part = [&](Slice slice) {
    return PartAt(members_[0].output(), slice, signature.dtype, parts_.device);
  };
  Status status = ForEach(group().first, [&](int rank) -> Status {
    const Buffer to = part(PartOf(counts, rank));
    if (to.count == 0 || to.data == member(rank).input()) return {};
    return parts_.ops.Copy(to, {member(rank).input(), to.count, to.dtype, to.device}, stream);
  });
  if (status.ok() && parts_.comm != nullptr) {
    const std::vector<size_t> group_counts = parts_.groups.CountsOf(counts);
    const Buffer own = part(PartOf(group_counts, parts_.group));
    status = AllGatherParts(*parts_.comm, parts_.group, own.data, members_[0].output(),
                            group_counts, own.dtype, stream.native());
  }
  if (!status.ok()) return status;
  const Buffer whole = part({0, signature.count});
  return ForEach(group().first + 1, [&](int rank) {
    return parts_.ops.Copy({member(rank).output(), whole.count, whole.dtype, whole.device}, whole,
                           stream);
  });
}

// What member `from` has for rank `to`, and where member `to` wants that of rank `from`.
Buffer Leader::PartTo(int to, int from, const Signature& signature,
                      std::span<const size_t> counts) const {
  return PartAt(member(from).input(), PartOf(counts, to), signature.dtype, parts_.device);
}

Buffer Leader::PartFrom(int from, int to, const Signature& signature,
                        std::span<const size_t> counts) const {
  const size_t count = counts[static_cast<size_t>(to)], begin = static_cast<size_t>(from) * count;
  return PartAt(member(to).output(), {begin, begin + count}, signature.dtype, parts_.device);
}

// Straight from members to members; on one device as copies.
Status Leader::AllToAll(const Signature& signature, std::span<const size_t> counts) {
  Status status = ForEach(group().first, [&](int from) {
    return ForEach(group().first, [&](int to) -> Status {
      if (counts[static_cast<size_t>(to)] == 0) return {};
      return parts_.ops.Copy(PartFrom(from, to, signature, counts),
                             PartTo(to, from, signature, counts), *parts_.stream);
    });
  });
  if (!status.ok() || parts_.comm == nullptr) return status;
  return parts_.comm->Group([&]() -> Status {
    for (int other = 0; other < parts_.groups.count(); ++other) {
      if (other == parts_.group) continue;
      if (Status s = SwapWith(other, signature, counts); !s.ok()) return s;
    }
    return {};
  });
}

// In the order of who sends, and then of who receives, on either side.
Status Leader::SwapWith(int group_number, const Signature& signature,
                        std::span<const size_t> counts) {
  const Groups::Group& theirs = parts_.groups[group_number];
  const DType dtype = signature.dtype;
  Status status = ForEach(group().first, [&](int from) -> Status {
    for (int to = theirs.first; to < theirs.end; ++to) {
      const Buffer part = PartTo(to, from, signature, counts);
      if (part.count == 0) continue;
      Status s =
          parts_.comm->Send(part.data, part.count, dtype, group_number, parts_.stream->native());
      if (!s.ok()) return s;
    }
    return {};
  });
  for (int from = theirs.first; status.ok() && from < theirs.end; ++from) {
    status = ForEach(group().first, [&](int to) -> Status {
      const Buffer part = PartFrom(from, to, signature, counts);
      if (part.count == 0) return {};
      return parts_.comm->Receive(part.data, part.count, dtype, group_number,
                                  parts_.stream->native());
    });
  }
  return status;
}

Status Leader::Broadcast(const Signature& signature) {
  DeviceStream& stream = *parts_.stream;
  const int root = signature.root;
  const auto buffer_of = [&](int rank) -> Buffer {
    return {member(rank).output(), signature.count, signature.dtype, parts_.device};
  };
  const Buffer own = buffer_of(group().first);
  Status status;
  if (group().Has(root) && root != group().first) {
    status = parts_.ops.Copy(own, buffer_of(root), stream);
  }
  if (status.ok() && parts_.comm != nullptr) {
    status = parts_.comm->Broadcast(own.data, own.data, own.count, own.dtype,
                                    parts_.groups.IndexOf(root), stream.native());
  }
  if (!status.ok()) return status;
  return ForEach(group().first + 1, [&](int rank) {
    return rank == root ? Status{} : parts_.ops.Copy(buffer_of(rank), own, stream);
  });
}

Status Leader::Register(const Buffer& buffer) {
  return parts_.comm == nullptr ? Status{} : parts_.comm->Register(buffer.data, buffer.bytes());
}

Status Leader::Deregister(const Buffer& buffer) {
  return parts_.comm == nullptr ? Status{} : parts_.comm->Deregister(buffer.data);
}

void Leader::Abort() {
  if (parts_.comm != nullptr) parts_.comm->Abort();
}

}  // namespace eta::parallel::gpu_groups
