#include "parallel/training/hash.h"

#include <cstring>

namespace eta::parallel {
namespace {

// One step of a multiply-rotate hash over words.
uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

uint64_t HashOf(std::span<const std::byte> bytes, uint64_t seed) {
  uint64_t hash = Mix(seed + 0xBF58476D1CE4E5B9u, bytes.size());
  for (; !bytes.empty();) {
    uint64_t word = 0;
    const size_t count = bytes.size() < sizeof(word) ? bytes.size() : sizeof(word);
    std::memcpy(&word, bytes.data(), count);
    hash = Mix(hash, word);
    bytes = bytes.subspan(count);
  }
  return Mix(hash, 0x94D049BB133111EBu);
}

uint64_t HashOf(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().cpu().contiguous();
  const auto shape = HashOf(std::as_bytes(std::span(flat.sizes().data(), flat.sizes().size())),
                            static_cast<uint64_t>(flat.scalar_type()));
  return HashOf(
      std::as_bytes(std::span(static_cast<const char*>(flat.const_data_ptr()), flat.nbytes())),
      shape);
}

}  // namespace eta::parallel
