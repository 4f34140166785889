#include "tests/fakes/nccl_exchange.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "parallel/core/reduce.h"
#include "parallel/core/slice.h"

namespace eta::fake_nccl {
namespace {

using parallel::DType;
using parallel::OwnedSlice;
using parallel::ReduceBlock;
using parallel::ReduceOp;
using parallel::Slice;
using parallel::nccl::Answer;
using parallel::nccl::DataType;
using parallel::nccl::RedOp;

std::optional<DType> DTypeOf(int type) {
  switch (static_cast<DataType>(type)) {
    case DataType::kFloat64:
      return DType::kFloat64;
    case DataType::kFloat32:
      return DType::kFloat32;
    case DataType::kFloat16:
      return DType::kFloat16;
    case DataType::kBfloat16:
      return DType::kBFloat16;
    case DataType::kInt64:
      return DType::kInt64;
    case DataType::kInt32:
      return DType::kInt32;
    case DataType::kUint8:
      return DType::kUInt8;
    default:
      return std::nullopt;
  }
}

std::optional<ReduceOp> ReduceOpOf(int op) {
  switch (static_cast<RedOp>(op)) {
    case RedOp::kSum:
      return ReduceOp::kSum;
    case RedOp::kMax:
      return ReduceOp::kMax;
    case RedOp::kMin:
      return ReduceOp::kMin;
    default:
      return std::nullopt;
  }
}

std::string Describe(const Operation& o) {
  constexpr const char* kNames[] = {"ncclAllReduce", "ncclReduceScatter", "ncclAllGather",
                                    "ncclBroadcast", "ncclReduce"};
  return std::string(kNames[static_cast<int>(o.kind)]) + "(count " + std::to_string(o.count) +
         ", type " + std::to_string(o.type) + ", op " + std::to_string(o.op) + ", root " +
         std::to_string(o.root) + ")";
}

// One collective in progress.
class Exchanger {
 public:
  Exchanger(Area& area, int rank, int size, const Operation& operation,
            const std::function<bool()>& over)
      : area_(area),
        rank_(rank),
        size_(size),
        operation_(operation),
        over_(over),
        dtype_(*DTypeOf(operation.type)),
        op_(*ReduceOpOf(operation.op)),
        element_(SizeOf(dtype_)),
        chunk_(Area::kSlotBytes / element_) {}

  Answer Run(std::string* error) {
    area_.operation(rank_) = operation_;
    if (!Meet()) return Answer::kInternalError;
    for (int r = 1; r < size_; ++r) {
      const std::string first = Describe(area_.operation(0)), other = Describe(area_.operation(r));
      if (first == other) continue;
      *error = "rank 0 calls " + first + ", rank " + std::to_string(r) + " " + other;
      return Answer::kInvalidUsage;
    }
    // Nobody goes on to say something else before all have compared.
    const bool moved = operation_.count == 0 ? Meet() : Move();
    return moved ? Answer::kSuccess : Answer::kInternalError;
  }

 private:
  bool Meet() { return area_.Meet(over_); }
  const std::byte* send(size_t at) const {
    return static_cast<const std::byte*>(operation_.send) + at * element_;
  }
  std::byte* receive(size_t at) const {
    return static_cast<std::byte*>(operation_.receive) + at * element_;
  }

  bool Move() {
    switch (operation_.kind) {
      case Operation::Kind::kAllReduce:
        return InChunks([&](size_t at, size_t count) { return AllReduce(at, count); });
      case Operation::Kind::kAllGather:
        return InChunks([&](size_t at, size_t count) { return AllGather(at, count); });
      case Operation::Kind::kBroadcast:
        return InChunks([&](size_t at, size_t count) { return Broadcast(at, count); });
      case Operation::Kind::kReduce:
        return InChunks(
            [&](size_t at, size_t count) { return Reduce(at, count, operation_.root, at); });
      case Operation::Kind::kReduceScatter:
        for (int part = 0; part < size_; ++part) {
          const size_t begin = static_cast<size_t>(part) * operation_.count;
          if (!InChunks(
                  [&](size_t at, size_t count) { return Reduce(begin + at, count, part, at); })) {
            return false;
          }
        }
        return true;
      case Operation::Kind::kSend:
      case Operation::Kind::kReceive:
        break;
    }
    return false;
  }

  // f(begin, count) for pieces that fit in a slot.
  template <class F>
  bool InChunks(const F& f) {
    for (size_t at = 0; at < operation_.count; at += chunk_) {
      if (!f(at, std::min(chunk_, operation_.count - at))) return false;
    }
    return true;
  }

  // The slots are free again when all have come to the next meeting.
  bool Offer(size_t at, size_t count) {
    std::memcpy(area_.input(rank_), send(at), count * element_);
    return Meet();
  }

  void Sum(Slice slice, std::byte* out) {
    const size_t block = parallel::kReduceBlockBytes / element_;
    std::vector<const std::byte*> inputs(static_cast<size_t>(size_));
    for (size_t at = slice.begin; at < slice.end; at += block) {
      const size_t count = std::min(block, slice.end - at);
      for (int r = 0; r < size_; ++r) inputs[r] = area_.input(r) + at * element_;
      ReduceBlock(dtype_, op_, inputs, count, out + (at - slice.begin) * element_);
    }
  }

  bool AllReduce(size_t at, size_t count) {
    if (!Offer(at, count)) return false;
    const Slice own = OwnedSlice(count, element_, rank_, size_);
    Sum(own, area_.result(rank_));
    if (!Meet()) return false;
    for (int r = 0; r < size_; ++r) {
      const Slice slice = OwnedSlice(count, element_, r, size_);
      std::memcpy(receive(at + slice.begin), area_.result(r), slice.count() * element_);
    }
    return true;
  }

  bool Reduce(size_t at, size_t count, int root, size_t to) {
    if (!Offer(at, count)) return false;
    if (rank_ == root) Sum({0, count}, receive(to));
    return Meet();
  }

  bool AllGather(size_t at, size_t count) {
    if (!Offer(at, count)) return false;
    for (int r = 0; r < size_; ++r) {
      const size_t to = static_cast<size_t>(r) * operation_.count + at;
      std::memmove(receive(to), area_.input(r), count * element_);
    }
    return Meet();
  }

  bool Broadcast(size_t at, size_t count) {
    if (rank_ == operation_.root) {
      std::memcpy(area_.input(rank_), send(at), count * element_);
    }
    if (!Meet()) return false;
    std::memcpy(receive(at), area_.input(operation_.root), count * element_);
    return Meet();
  }

  Area& area_;
  const int rank_, size_;
  const Operation& operation_;
  const std::function<bool()>& over_;
  const DType dtype_;
  const ReduceOp op_;
  const size_t element_;
  const size_t chunk_;
};

}  // namespace

size_t SizeOfType(int type) {
  const std::optional<DType> dtype = DTypeOf(type);
  return dtype ? SizeOf(*dtype) : 0;
}

Answer Exchange(Area& area, int rank, int size, const Operation& operation,
                const std::function<bool()>& over, std::string* error) {
  const bool root_exists = 0 <= operation.root && operation.root < size;
  if (!DTypeOf(operation.type) || !ReduceOpOf(operation.op) || !root_exists) {
    return Answer::kInvalidArgument;
  }
  return Exchanger(area, rank, size, operation, over).Run(error);
}

}  // namespace eta::fake_nccl
