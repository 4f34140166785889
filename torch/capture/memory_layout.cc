#include "torch/capture/memory_layout.h"

#include <algorithm>
#include <random>

namespace eta::tensor {
namespace {

int64_t Padded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

bool Meet(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

// `placed` is sorted by offset.
int64_t LowestPlace(const Lifetime& wanted, const std::vector<Lifetime*>& placed,
                    int64_t alignment) {
  int64_t place = 0;
  for (const Lifetime* other : placed) {
    if (!Meet(wanted, *other)) continue;
    if (place + Padded(wanted.bytes, alignment) <= other->offset) break;
    place = std::max(place, other->offset + Padded(other->bytes, alignment));
  }
  return place;
}

void Insert(Lifetime* lifetime, std::vector<Lifetime*>* placed) {
  const auto behind =
      std::upper_bound(placed->begin(), placed->end(), lifetime->offset,
                       [](int64_t offset, const Lifetime* p) { return offset < p->offset; });
  placed->insert(behind, lifetime);
}

// Gives each its lowest place, in this order.
int64_t LayOut(const std::vector<Lifetime*>& order, int64_t alignment) {
  std::vector<Lifetime*> placed;
  int64_t size = 0;
  for (Lifetime* lifetime : order) {
    lifetime->offset = LowestPlace(*lifetime, placed, alignment);
    size = std::max(size, lifetime->offset + Padded(lifetime->bytes, alignment));
    Insert(lifetime, &placed);
  }
  return size;
}

void LargestFirst(std::vector<Lifetime*>& order) {
  std::stable_sort(order.begin(), order.end(),
                   [](const Lifetime* a, const Lifetime* b) { return a->bytes > b->bytes; });
}

// How many orders are worth the time, which grows with the square of the count.
size_t OrdersToTry(size_t count) {
  constexpr size_t kMeetings = 4'000'000;
  return std::clamp<size_t>(kMeetings / std::max<size_t>(count * count, 1), 1, 32);
}

}  // namespace

// Which of several of one size comes first decides about gaps: so some orders are tried, always the
// same ones.
int64_t LayOut(std::span<Lifetime> lifetimes, int64_t alignment) {
  std::vector<Lifetime*> order, best;
  for (Lifetime& lifetime : lifetimes) order.push_back(&lifetime);
  int64_t least = INT64_MAX;
  std::minstd_rand chance;
  for (size_t left = OrdersToTry(order.size()); left > 0; --left) {
    LargestFirst(order);
    if (const int64_t size = LayOut(order, alignment); size < least) {
      least = size;
      best = order;
    }
    std::shuffle(order.begin(), order.end(), chance);
  }
  return LayOut(best, alignment);
}

bool PlaceWithin(int64_t bytes, Lifetime* wanted, std::vector<Lifetime*>* placed,
                 int64_t alignment) {
  const int64_t place = LowestPlace(*wanted, *placed, alignment);
  if (place + wanted->bytes > bytes) return false;
  wanted->offset = place;
  Insert(wanted, placed);
  return true;
}

}  // namespace eta::tensor
