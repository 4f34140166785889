// Signature: what a rank is about to do with the others. The ranks compare signatures before any
// data is mixed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "parallel/core/buffer.h"

namespace eta::parallel {

enum class Op : uint8_t {
  kNone,
  kAllReduce,
  kReduceScatter,
  kAllGather,
  kAllToAll,
  kBroadcast,
  kBarrier,
  kExchange,
};

// Trivially copyable, so that it can be published word by word.
struct Signature {
  Op op = Op::kNone;
  DType dtype = DType::kFloat64;
  ReduceOp reduce = ReduceOp::kSum;
  int32_t root = 0;
  uint64_t count = 0;          // elements of the whole; bytes of the record for an exchange
  uint64_t parts = 0;          // HashOf the counts per rank, where the parts are uneven
  const char* name = nullptr;  // static storage: what the user calls it ("train-step!"), or null

  // What a collective reduces or hands out. REQUIRES: it moves elements.
  uint64_t bytes() const { return count * SizeOf(dtype); }
};

// Of the collectives of Communicator, from their arguments. REQUIRES: at least one buffer.
Signature AllReduceSignature(const Buffer& input, ReduceOp op);
Signature AllReduceSignature(std::span<const Buffer> buffers, ReduceOp op);
Signature ReduceScatterSignature(const Buffer& input, std::span<const size_t> counts, ReduceOp op);
Signature AllGatherSignature(const Buffer& output, std::span<const size_t> counts);
Signature AllToAllSignature(const Buffer& input, std::span<const size_t> counts);
Signature BroadcastSignature(const Buffer& buffer, int root);

// True if ranks with these signatures may go on together. Names are compared as text.
bool Agree(const Signature& a, const Signature& b);

// "all-reduce of 10 float64", "all-reduce max of 3 int64", "broadcast of 4 uint8 from rank 1",
// "barrier"; the name, if there is one.
std::string Describe(const Signature& signature);

// Equal lists have equal hashes; different lists of counts differ but for a chance of 2^-64.
uint64_t HashOf(std::span<const size_t> counts);

}  // namespace eta::parallel
