// Where an optimizer's parameters and their state lie.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "torch/lazy_zeros.h"
#include "torch/optimizer.h"

namespace eta::tensor {
namespace {

// FNV-1a over words and bytes.
class Hash {
 public:
  void Add(uint64_t word) {
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<uint8_t>(word >> shift));
  }
  void Add(std::string_view text) {
    for (char c : text) Byte(static_cast<uint8_t>(c));
    Add(text.size());
  }
  uint64_t value() const { return value_; }

 private:
  void Byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001B3u; }
  uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace

bool Optimizer::Prepare() {
  if (LayoutHolds()) return false;
  TORCH_CHECK(!averages_exchanged_, "the parameters are exchanged for their averages");
  at::NoGradGuard no_grad;
  LayOut();
  buffers.LayOut();
  return true;
}

bool Optimizer::LayoutHolds() const {
  auto holds = [](const Home& home) { return home.arena->Intact(home.entry); };
  return !averages_exchanged_ && homes_.size() == parameters_.size() &&
         std::all_of(homes_.begin(), homes_.end(), holds);
}

void Optimizer::LayOut() {
  registry_->PayGradients();
  const auto kept_until_found = MakeArena();
  std::vector<Home> old_homes = std::exchange(homes_, FindHomes());
  std::vector<Segment> old_segments = std::exchange(segments_, {});
  try {
    for (size_t i : InMemoryOrder()) Extend(i);
    for (Segment& segment : segments_) AllocateTensors(&segment);
  } catch (...) {  // the state stays where it was, and the layout does not hold
    homes_ = std::move(old_homes);
    segments_ = std::move(old_segments);
    throw;
  }
  for (size_t i = 0; i < old_homes.size(); ++i) {
    MoveState(old_segments[old_homes[i].segment], old_homes[i], i);
  }
  TakeInState();
  runs_.assign(segments_.size(), {});
  Sign();
}

// Puts those parameters into an arena that lie in none, or were moved out of theirs.
std::shared_ptr<ParameterArena> Optimizer::MakeArena() const {
  std::vector<NamedParameter> homeless;
  for (const NamedParameter& parameter : parameters_) {
    const auto* place = registry_->Find(parameter.tensor);
    if (!place || !place->arena->Intact(place->index)) homeless.push_back(parameter);
  }
  if (homeless.empty()) return nullptr;
  return std::make_shared<ParameterArena>(std::move(homeless), registry_);
}

std::vector<Optimizer::Home> Optimizer::FindHomes() const {
  std::vector<Home> homes;
  for (const NamedParameter& parameter : parameters_) {
    const auto* place = registry_->Find(parameter.tensor);
    homes.push_back({.arena = place->arena->shared_from_this(), .entry = place->index});
  }
  return homes;
}

// The parameters by arena (in the order of their first parameters), block and place.
std::vector<size_t> Optimizer::InMemoryOrder() const {
  std::unordered_map<const ParameterArena*, size_t> rank;
  for (const Home& home : homes_) rank.emplace(home.arena.get(), rank.size());
  auto key = [&](size_t i) {
    const auto& entry = homes_[i].arena->entries()[homes_[i].entry];
    return std::tuple(rank[homes_[i].arena.get()], entry.block, entry.begin, homes_[i].entry);
  };
  std::vector<size_t> order(homes_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

// Lets the last segment take in parameter `i`, or begins a new one with it.
void Optimizer::Extend(size_t i) {
  Home& home = homes_[i];
  const auto& entry = home.arena->entries()[home.entry];
  if (segments_.empty() || segments_.back().arena != home.arena ||
      segments_.back().block != entry.block || segments_.back().end != entry.begin) {
    segments_.push_back({.arena = home.arena, .block = entry.block, .begin = entry.begin});
  }
  Segment& segment = segments_.back();
  segment.end = entry.padded_end;
  segment.parameters.push_back(i);
  home.segment = segments_.size() - 1;
  home.begin = entry.begin - segment.begin;
  home.end = entry.padded_end - segment.begin;
}

void Optimizer::AllocateTensors(Segment* segment) const {
  const auto& block = segment->arena->blocks()[segment->block];
  const int64_t count = segment->end - segment->begin;
  segment->tensors.parameter = block.parameters.narrow(0, segment->begin, count);
  if (!block.large) segment->tensors.gradient = block.gradients.narrow(0, segment->begin, count);
  for (int k = 0; k < StateCount(); ++k) {
    segment->tensors.state[k] = LazyZeros(count, block.options);
  }
}

// Copies the state of parameter `i` from where it was before.
void Optimizer::MoveState(const Segment& from, const Home& old_home, size_t i) {
  const Home& home = homes_[i];
  const int64_t count = parameters_[i].tensor.numel();
  for (int k = 0; k < StateCount(); ++k) {
    segments_[home.segment]
        .tensors.state[k]
        .narrow(0, home.begin, count)
        .copy_(from.tensors.state[k].narrow(0, old_home.begin, count));
  }
}

// The state of parameter `i`, wherever it is; undefined tensors where there is none yet.
std::array<Tensor, kMaxStates> Optimizer::StateOf(size_t i) const {
  if (!first_state_.empty()) return first_state_[i];
  std::array<Tensor, kMaxStates> state;
  if (homes_.empty()) return state;
  const Home& home = homes_[i];
  for (int k = 0; k < StateCountOf(i); ++k) {
    state[k] = segments_[home.segment]
                   .tensors.state[k]
                   .narrow(0, home.begin, parameters_[i].tensor.numel())
                   .view(parameters_[i].tensor.sizes());
  }
  return state;
}

void Optimizer::TakeInState() {
  const auto first = std::exchange(first_state_, {});
  for (size_t i = 0; i < first.size(); ++i) {
    const auto place = StateOf(i);
    for (int k = 0; k < kMaxStates; ++k) {
      if (!place[k].defined()) continue;
      first[i][k].defined() ? place[k].copy_(first[i][k]) : place[k].zero_();
    }
  }
}

// Of the rule that has most.
int Optimizer::StateCount() const {
  int count = 0;
  for (const GroupRule& group : groups_) count = std::max(count, group.rule->state_count());
  return count;
}

void Optimizer::Sign() {
  Hash hash;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& tensor = parameters_[i].tensor;
    hash.Add(parameters_[i].name);
    hash.Add(static_cast<uint64_t>(tensor.dim()));
    for (int64_t size : tensor.sizes()) hash.Add(static_cast<uint64_t>(size));
    hash.Add(static_cast<uint64_t>(tensor.scalar_type()));
    hash.Add(homes_[i].segment);
    hash.Add(static_cast<uint64_t>(homes_[i].begin));
    hash.Add(group_of_[i]);
  }
  for (const GroupRule& group : groups_) {
    hash.Add(group.rule->Description());
    hash.Add(std::bit_cast<uint64_t>(group.rate_scale));
  }
  signature_ = hash.value();
}

uint64_t Optimizer::LayoutSignature() const {
  Hash hash;
  hash.Add(signature_);
  for (double setting : {settings.learning_rate, settings.clipping.norm, settings.clipping.value,
                         loss_scale.factor()}) {
    hash.Add(std::bit_cast<uint64_t>(setting));
  }
  hash.Add(static_cast<uint64_t>(settings.accumulate));
  hash.Add(static_cast<uint64_t>(settings.compress));
  hash.Add(static_cast<uint64_t>(settings.shard));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].tensor.requires_grad()) hash.Add(i);
  }
  return hash.value();
}

}  // namespace eta::tensor
