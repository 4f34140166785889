#include "parallel/core/signature.h"

#include <numeric>
#include <tuple>
#include <vector>

namespace eta::parallel {
namespace {

std::string_view NameText(const Signature& s) { return s.name == nullptr ? "" : s.name; }

const char* NameOf(Op op) {
  constexpr const char* kNames[] = {"nothing",    "all-reduce", "reduce-scatter", "all-gather",
                                    "all-to-all", "broadcast",  "barrier",        "exchange"};
  return kNames[static_cast<int>(op)];
}

}  // namespace

Signature AllReduceSignature(const Buffer& input, ReduceOp op) {
  return {.op = Op::kAllReduce, .dtype = input.dtype, .reduce = op, .count = input.count};
}

// As one buffer has it where there is one.
Signature AllReduceSignature(std::span<const Buffer> buffers, ReduceOp op) {
  Signature all = AllReduceSignature(buffers[0], op);
  if (buffers.size() == 1) return all;
  std::vector<size_t> counts;
  for (const Buffer& buffer : buffers) counts.push_back(buffer.count);
  all.count = std::accumulate(counts.begin(), counts.end(), size_t{0});
  all.parts = HashOf(counts);
  return all;
}

Signature ReduceScatterSignature(const Buffer& input, std::span<const size_t> counts, ReduceOp op) {
  return {.op = Op::kReduceScatter,
          .dtype = input.dtype,
          .reduce = op,
          .count = input.count,
          .parts = HashOf(counts)};
}

Signature AllGatherSignature(const Buffer& output, std::span<const size_t> counts) {
  return {
      .op = Op::kAllGather, .dtype = output.dtype, .count = output.count, .parts = HashOf(counts)};
}

Signature AllToAllSignature(const Buffer& input, std::span<const size_t> counts) {
  return {.op = Op::kAllToAll, .dtype = input.dtype, .count = input.count, .parts = HashOf(counts)};
}

Signature BroadcastSignature(const Buffer& buffer, int root) {
  return {.op = Op::kBroadcast, .dtype = buffer.dtype, .root = root, .count = buffer.count};
}

bool Agree(const Signature& a, const Signature& b) {
  const auto key = [](const Signature& s) {
    return std::make_tuple(s.op, s.dtype, s.reduce, s.root, s.count, s.parts, NameText(s));
  };
  return key(a) == key(b);
}

std::string Describe(const Signature& s) {
  if (s.name != nullptr) return s.name;
  std::string text = NameOf(s.op);
  if (s.op == Op::kNone || s.op == Op::kBarrier || s.op == Op::kExchange) return text;
  if (s.reduce != ReduceOp::kSum) text = text + ' ' + NameOf(s.reduce);
  text += " of " + std::to_string(s.count) + ' ' + NameOf(s.dtype);
  if (s.op == Op::kBroadcast) text += " from rank " + std::to_string(s.root);
  return text;
}

uint64_t HashOf(std::span<const size_t> counts) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t count : counts) {
    hash = (hash ^ count) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;  // the product's low bits depend on the factor's low bits only
  }
  return hash;
}

}  // namespace eta::parallel
