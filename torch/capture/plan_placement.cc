// Where a plan's tensors lie.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "torch/capture/direct_call.h"
#include "torch/capture/plan_builder.h"

namespace eta::tensor {

using Origin = TraceRegion::Origin;

void PlanBuilder::FindLifetimes() {
  for (size_t i = 0; i < regions_.size(); ++i) {
    regions_[i].lifetime = {trace_.ops.size(), 0, trace_.regions[i].bytes};
  }
  for (size_t i = 0; i < trace_.ops.size(); ++i) {
    if (ways_[i] == Way::kNot) continue;
    ForEachTensor(trace_.ops[i], [&](size_t tensor) {
      Lifetime& lifetime = regions_[RegionOf(tensor)].lifetime;
      lifetime.first = std::min(lifetime.first, i);
      lifetime.last = std::max(lifetime.last, i);
    });
  }
  auto keep = [&](size_t tensor) { regions_[RegionOf(tensor)].lifetime.last = trace_.ops.size(); };
  std::ranges::for_each(kept_, keep);
  std::ranges::for_each(trace_.reads, keep);
}

void PlanBuilder::PlaceRegions() {
  FoldInPlace();
  PlaceInGifts();
  PlaceInBlock();
  FollowHosts();
  for (size_t i = 0; i < regions_.size(); ++i) {
    Region& region = regions_[i];
    if (region.is_given || region.gift || region.in_block() ||
        trace_.regions[i].origin == Origin::kFixed)
      continue;
    region.moving = plan_.moving_.emplace_back(std::make_unique<MovingTensors>()).get();
    if (trace_.regions[i].origin == Origin::kBatch) plan_.batch_.push_back(region.moving);
  }
  for (size_t tensor : given_) {
    Region& region = regions_[RegionOf(tensor)];
    auto memory = std::make_unique<MovingTensors>();
    region.moving = memory.get();
    for (Region& guest : regions_) {
      if (guest.gift == RegionOf(tensor)) guest.moving = memory.get();
    }
    plan_.gifts_.push_back(
        {tensor, trace_.regions[RegionOf(tensor)].bytes, memory.get(), !region.has_place, {}});
    // Else it moves as others do.
    (region.has_place ? plan_.given_ : plan_.moving_).push_back(std::move(memory));
  }
}

// Whether the operation's result may lie where its first argument does, as nobody needs that again.
bool PlanBuilder::TakesOver(const TraceOp& op, size_t index) const {
  if (!direct_ || ways_[index] != Way::kInto || !WorksInPlace(op.op)) return false;
  const TraceTensor& from = trace_.tensors[op.arguments[0].tensors.at(0)];
  const TraceTensor& to = trace_.tensors[op.results[0]];
  const Region &old = regions_[from.region], &made = regions_[to.region];
  return old.in_block() && old.needed && made.in_block() && made.needed &&
         old.lifetime.last == index && made.lifetime.first == index && from.offset == 0 &&
         from.sizes == to.sizes && from.strides == to.strides && from.dtype == to.dtype &&
         old.lifetime.bytes == made.lifetime.bytes;
}

void PlanBuilder::FoldInPlace() {
  for (size_t i = 0; i < trace_.ops.size(); ++i) {
    const TraceOp& op = trace_.ops[i];
    if (!TakesOver(op, i)) continue;
    const size_t from = RegionOf(op.arguments[0].tensors[0]), to = RegionOf(op.results[0]);
    const size_t host = regions_[from].host.value_or(from);
    regions_[to].host = host;
    regions_[host].lifetime.last = regions_[to].lifetime.last;
  }
}

// What is no longer needed when the gift is first written; the largest first.
std::vector<size_t> PlanBuilder::GuestsOf(size_t gift) const {
  std::vector<size_t> guests;
  for (size_t i = 0; i < regions_.size(); ++i) {
    const Lifetime& lifetime = regions_[i].lifetime;
    if (regions_[i].has_own_place() && lifetime.last < regions_[gift].lifetime.first) {
      guests.push_back(i);
    }
  }
  std::ranges::stable_sort(guests, std::ranges::greater(),
                           [&](size_t guest) { return regions_[guest].lifetime.bytes; });
  return guests;
}

// A gift's memory is there from the begin of a run. The fewest may lie in that which is written
// first, so it chooses first.
void PlanBuilder::PlaceInGifts() {
  std::vector<size_t> gifts;
  for (size_t tensor : given_) gifts.push_back(RegionOf(tensor));
  std::ranges::stable_sort(gifts, {}, [&](size_t gift) { return regions_[gift].lifetime.first; });
  for (size_t gift : gifts) {
    if (!regions_[gift].has_place) continue;
    std::vector<Lifetime*> placed;
    for (size_t guest : GuestsOf(gift)) {
      if (PlaceWithin(trace_.regions[gift].bytes, &regions_[guest].lifetime, &placed, alignment_)) {
        regions_[guest].gift = gift;
      }
    }
  }
}

void PlanBuilder::FollowHosts() {
  for (Region& region : regions_) {
    if (!region.host) continue;
    region.lifetime.offset = regions_[*region.host].lifetime.offset;
    region.gift = regions_[*region.host].gift;
  }
}

void PlanBuilder::PlaceInBlock() {
  std::vector<Lifetime> lifetimes;
  for (const Region& region : regions_) {
    if (region.has_own_place()) lifetimes.push_back(region.lifetime);
  }
  for (size_t i = 0; i < trace_.ops.size(); ++i) {
    const int64_t bytes = direct_ && ways_[i] == Way::kInto ? ScratchBytes(trace_, i) : 0;
    if (bytes == 0) continue;
    lifetimes.push_back(scratch_[i] = {i, i, bytes});
  }
  plan_.block_bytes_ = LayOut(lifetimes, alignment_);
  block_ = at::empty({plan_.block_bytes_}, options_.dtype(at::kByte));
  auto placed = lifetimes.begin();
  for (Region& region : regions_) {
    if (region.has_own_place()) region.lifetime.offset = (placed++)->offset;
  }
  for (auto& [op, lifetime] : scratch_) lifetime.offset = (placed++)->offset;
}

}  // namespace eta::tensor
