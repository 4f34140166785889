#include "torch/data/epoch_order.h"

#include <numeric>
#include <utility>

namespace eta::tensor {
namespace {

// SplitMix64: 64 bits of state, each state and so each output once per period.
class SplitMix64 {
 public:
  explicit SplitMix64(uint64_t state) : state_(state) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound): the high half of a product, drawing again in the few cases that would
  // favour some numbers (Lemire).
  uint64_t Below(uint64_t bound) {
    const uint64_t biased = (0 - bound) % bound;
    unsigned __int128 product;
    do {
      product = static_cast<unsigned __int128>(Next()) * bound;
    } while (static_cast<uint64_t>(product) < biased);
    return static_cast<uint64_t>(product >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace

std::vector<int64_t> PlainOrder(int64_t rows) {
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

std::vector<int64_t> ShuffledOrder(int64_t rows, uint64_t seed, uint64_t epoch) {
  // The seed is mixed before the epoch joins, so that (seed, epoch + 1) is not (seed + 1, epoch).
  SplitMix64 random(SplitMix64(seed).Next() + epoch * 0xD1342543DE82EF95);
  std::vector<int64_t> order = PlainOrder(rows);
  for (int64_t i = rows - 1; i > 0; --i) {
    std::swap(order[i], order[random.Below(static_cast<uint64_t>(i) + 1)]);
  }
  return order;
}

}  // namespace eta::tensor
