#include "torch/capture/memory_layout.h"

#include <algorithm>
#include <vector>

namespace eta::tensor {
namespace {

int64_t Padded(int64_t bytes) {
  return (bytes + kPlaceAlignment - 1) / kPlaceAlignment * kPlaceAlignment;
}

bool Meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// `placed` is sorted by offset.
int64_t LowestPlace(const Lifetime& wanted, const std::vector<Lifetime*>& placed) {
  int64_t place = 0;
  for (const Lifetime* other : placed) {
    if (!Meet(wanted, *other)) continue;
    if (place + Padded(wanted.bytes) <= other->offset) break;
    place = std::max(place, other->offset + Padded(other->bytes));
  }
  return place;
}

}  // namespace

int64_t LayOut(std::span<Lifetime> lifetimes) {
  std::vector<Lifetime*> order;
  for (Lifetime& lifetime : lifetimes) order.push_back(&lifetime);
  std::stable_sort(order.begin(), order.end(),
                   [](const Lifetime* a, const Lifetime* b) { return a->bytes > b->bytes; });
  std::vector<Lifetime*> placed;
  int64_t size = 0;
  for (Lifetime* lifetime : order) {
    lifetime->offset = LowestPlace(*lifetime, placed);
    size = std::max(size, lifetime->offset + Padded(lifetime->bytes));
    const auto behind =
        std::upper_bound(placed.begin(), placed.end(), lifetime->offset,
                         [](int64_t offset, const Lifetime* p) { return offset < p->offset; });
    placed.insert(behind, lifetime);
  }
  return size;
}

}  // namespace eta::tensor
