#include "torch/arena.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstring>

#include "torch/block_cache.h"
#include "torch/lazy_zeros.h"

namespace eta::tensor {
namespace {

constexpr int64_t kEntryAlignment = 64;  // bytes: a cache line, the widest vector
constexpr int64_t kAdopted = -1;         // no version: the gradient counts as written

int64_t VersionOf(const Tensor& tensor) {
  return tensor.unsafeGetTensorImpl()->version_counter().current_version();
}

// The gradient without libtorch's warning about tensors that are no leaves.
Tensor GradientOf(const Tensor& tensor) {
  return tensor.is_leaf() || tensor.retains_grad() ? tensor.grad() : Tensor();
}

// Elements [begin, end) of a buffer in the shape of `like`, as a tensor that shares nothing else
// with the buffer: a version counter of its own.
Tensor ViewInto(const Tensor& buffer, const ParameterArena::Entry& entry, const Tensor& like) {
  return buffer.narrow(0, entry.begin, entry.end - entry.begin).view(like.sizes()).variable_data();
}

void* Address(const Tensor& buffer, int64_t element) {
  return static_cast<char*>(buffer.data_ptr()) +
         element * static_cast<int64_t>(buffer.element_size());
}

// Of the parameters; on the CPU on pages of their own, for replicas that share them.
Tensor NewParameters(const ParameterArena::Block& block) {
  Tensor parameters = ZerosOnPages(block.size, block.options);
  if (parameters.is_cpu()) PreferHugePages(parameters.mutable_data_ptr(), parameters.nbytes());
  return parameters;
}

// Whether what is written to the elements shows in no other tensor, nor in a graph.
bool IsSoleOwner(const Tensor& tensor) {
  return tensor.is_contiguous() && !tensor.requires_grad() &&
         tensor.unsafeGetTensorImpl()->unsafe_storage().use_count() == 1;
}

}  // namespace

const ArenaRegistry::Place* ArenaRegistry::Find(const Tensor& parameter) const {
  const auto it = places_.find(parameter.unsafeGetTensorImpl());
  return it == places_.end() ? nullptr : &it->second;
}

void ArenaRegistry::Owe(OwedGradients* owed, const void* debtor) {
  PayGradients();
  owed_ = owed;
  debtor_ = debtor;
}

void ArenaRegistry::PayGradients() const {
  if (owed_ != nullptr) std::exchange(owed_, nullptr)->Pay();
}

void ArenaRegistry::ForgiveGradients(const void* debtor) {
  if (debtor_ == debtor) owed_ = nullptr;
  PayGradients();
}

void ArenaRegistry::TakeBack(const OwedGradients* owed) {
  if (owed_ == owed) owed_ = nullptr;
}

ParameterArena::ParameterArena(std::vector<NamedParameter> parameters,
                               std::shared_ptr<ArenaRegistry> registry)
    : registry_(std::move(registry)) {
  at::NoGradGuard no_grad;
  for (NamedParameter& parameter : parameters) Reserve(std::move(parameter));
  for (Block& block : blocks_) {
    block.parameters = NewParameters(block);
    if (!block.large) block.gradients = at::zeros({block.size}, block.options);
  }
  for (size_t i = 0; i < entries_.size(); ++i) MoveIn(i);
}

ParameterArena::~ParameterArena() {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Tensor& tensor = entries_[i].parameter.tensor;
    // A gradient that reads as none only thanks to this arena becomes none.
    if (!HasGradient(i)) tensor.mutable_grad().reset();
    const auto it = registry_->places_.find(tensor.unsafeGetTensorImpl());
    if (it != registry_->places_.end() && it->second.arena == this) registry_->places_.erase(it);
  }
}

// Assigns the parameter its place in the block of its dtype and device.
void ParameterArena::Reserve(NamedParameter parameter) {
  const Tensor& tensor = parameter.tensor;
  const auto element = static_cast<int64_t>(tensor.element_size());
  const bool large = tensor.numel() * element >= kLargeBytes;
  const auto options = tensor.options().requires_grad(std::nullopt);
  auto fits = [&](const Block& block) {
    return !large && !block.large && block.options.dtype() == options.dtype() &&
           block.options.device() == options.device();
  };
  auto block = std::find_if(blocks_.begin(), blocks_.end(), fits);
  if (block == blocks_.end()) {
    block = blocks_.insert(block, Block{.options = options, .large = large});
  }
  const int64_t alignment = large ? 1 : kEntryAlignment / element;
  const int64_t begin = block->size;
  const int64_t end = begin + tensor.numel();
  block->size = (end + alignment - 1) / alignment * alignment;
  entries_.push_back({.parameter = std::move(parameter),
                      .block = static_cast<size_t>(block - blocks_.begin()),
                      .begin = begin,
                      .end = end,
                      .padded_end = block->size,
                      .cleared_version = kAdopted});
}

void ParameterArena::MoveIn(size_t index) {
  Entry& entry = entries_[index];
  const Block& block = blocks_[entry.block];
  const Tensor& tensor = entry.parameter.tensor;
  Tensor place = ViewInto(block.parameters, entry, tensor);
  place.copy_(tensor);
  tensor.set_data(place);
  registry_->places_[tensor.unsafeGetTensorImpl()] = {this, index};
  if (block.large) return;
  entry.gradient = ViewInto(block.gradients, entry, tensor);
  entry.cleared_version = VersionOf(entry.gradient);
}

bool ParameterArena::Intact(size_t index) const {
  const Entry& entry = entries_[index];
  const Tensor& tensor = entry.parameter.tensor;
  const Block& block = blocks_[entry.block];
  const bool is_there =
      tensor.numel() == 0 || tensor.data_ptr() == Address(block.parameters, entry.begin);
  return is_there && tensor.numel() == entry.end - entry.begin &&
         tensor.dtype() == block.options.dtype();
}

void ParameterArena::FillZero(size_t block, int64_t begin, int64_t end) {
  if (blocks_[block].large) return;
  const Tensor& gradients = blocks_[block].gradients;
  if (!gradients.is_cpu()) {
    gradients.narrow(0, begin, end - begin).zero_();
    return;
  }
  std::memset(Address(gradients, begin), 0,
              static_cast<size_t>(end - begin) * gradients.element_size());
}

void ParameterArena::Clear(size_t index) {
  Entry& entry = entries_[index];
  Block& block = blocks_[entry.block];
  Tensor& gradient = entry.parameter.tensor.mutable_grad();
  if (!block.large) {
    if (!gradient.is_same(entry.gradient)) gradient = entry.gradient;
    entry.cleared_version = VersionOf(entry.gradient);
  } else if (gradient.defined()) {  // else the block has zeros, if anything: kept
    gradient.reset();
    entry.gradient.reset();
    block.gradients.reset();
  }
}

bool ParameterArena::HasGradient(size_t index) const {
  const Entry& entry = entries_[index];
  const Tensor& gradient = entry.parameter.tensor.grad();
  if (!gradient.is_same(entry.gradient) || blocks_[entry.block].large) return gradient.defined();
  return entry.cleared_version == kAdopted || VersionOf(gradient) != entry.cleared_version;
}

bool ParameterArena::TakeGradient(size_t index) {
  Entry& entry = entries_[index];
  Tensor& gradient = entry.parameter.tensor.mutable_grad();
  at::NoGradGuard no_grad;
  if (blocks_[entry.block].large) {
    TakeLarge(&entry);
  } else if (gradient.defined() && !gradient.is_same(entry.gradient)) {
    entry.gradient.copy_(gradient);
    gradient = entry.gradient;
    entry.cleared_version = kAdopted;
  }
  return HasGradient(index);
}

void ParameterArena::TakeLarge(Entry* entry) {
  Tensor& gradient = entry->parameter.tensor.mutable_grad();
  const bool present = gradient.defined();
  if (entry->gradient.defined() && (!present || gradient.is_same(entry->gradient))) return;
  if (!present) {
    entry->gradient = at::zeros_like(entry->parameter.tensor);
  } else {
    if (!IsSoleOwner(gradient)) gradient = gradient.clone(at::MemoryFormat::Contiguous);
    entry->gradient = gradient;
  }
  blocks_[entry->block].gradients = entry->gradient.view({-1});
}

void ParameterArena::SetHasGradient(size_t index) {
  Entry& entry = entries_[index];
  entry.parameter.tensor.mutable_grad() = entry.gradient;
  entry.gradient.unsafeGetTensorImpl()->bump_version();
}

void ParameterArena::GiveGradient(size_t index, const Tensor& gradient, const Tensor& flat) {
  Entry& entry = entries_[index];
  entry.parameter.tensor.mutable_grad() = gradient;
  if (!flat.defined()) return;  // TakeGradient copies it
  entry.gradient = gradient;
  blocks_[entry.block].gradients = flat;
}

Tensor VisibleGradient(const ArenaRegistry& registry, const Tensor& parameter) {
  const auto* place = registry.Find(parameter);
  if (place) {
    registry.PayGradients();
    registry.watched_ = true;
  }
  if (place && !place->arena->HasGradient(place->index)) return Tensor();
  return GradientOf(parameter);
}

void ZeroVisibleGradient(const ArenaRegistry& registry, const Tensor& parameter) {
  const Tensor gradient = VisibleGradient(registry, parameter);
  if (!gradient.defined()) return;
  at::NoGradGuard no_grad;
  gradient.zero_();
}

}  // namespace eta::tensor
