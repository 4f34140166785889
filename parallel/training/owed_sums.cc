#include "parallel/training/owed_sums.h"

#include <ATen/ops/empty_like.h>

#include <cstring>

#include "parallel/training/slice_owner.h"

namespace eta::parallel {
namespace {

// Where an owner writes new parameters to all ranks' memory, each line of it travels from core to
// core and back. Handed over, it goes once to each core, and ranks that run there find it in the
// cache, as long as there is room for it beside what is theirs.
constexpr size_t kMaxHandedOver = 512 << 10;

size_t ParameterBytes(const StepMemory& memory) {
  size_t bytes = 0;
  for (const SegmentMemory& segment : memory.segments) {
    bytes += segment.count * SizeOf(segment.dtype);
  }
  return bytes;
}

const std::byte* BytesOf(const at::Tensor& tensor) {
  return static_cast<const std::byte*>(tensor.const_data_ptr());
}

}  // namespace

OwedSums::~OwedSums() {
  if (arenas_) arenas_->TakeBack(this);
}

// Pages come when they are used.
void OwedSums::LayOut(const tensor::Optimizer& optimizer, bool shares_cores, StepMemory* memory) {
  const bool hands_over = shares_cores && ParameterBytes(*memory) <= kMaxHandedOver;
  auto owner = std::make_shared<OwnerMemory>();
  for (size_t s = 0; s < memory->segments.size(); ++s) {
    tensor::UpdateTensors tensors = optimizer.segments()[s].tensors;
    tensors.gradient = at::empty_like(tensors.parameter);
    if (hands_over) owner->handed_over.push_back(at::empty_like(tensors.parameter));
    memory->segments[s].sums = static_cast<std::byte*>(tensors.gradient.data_ptr());
    owner->segments.push_back(std::move(tensors));
  }
  memory->owner = std::move(owner);
}

void OwedSums::Know(std::span<const StepRecord> records, int owners) {
  ranks_ = records.size();
  owners_.clear();
  for (const StepRecord& record : records.first(static_cast<size_t>(owners))) {
    owners_.push_back(record.memory->owner);
  }
}

void OwedSums::Owe(const std::shared_ptr<tensor::ArenaRegistry>& arenas,
                   const tensor::Optimizer& optimizer, const StepMemory& own) {
  if (arenas_ != arenas) arenas_ = arenas;
  own_ = &own;
  arenas->Owe(this, &optimizer);
}

void OwedSums::Pay() {
  const auto& segments = own_->segments;
  ForEachOwner(segments, count(), ranks_, [&](size_t s, size_t o, size_t begin, size_t bytes) {
    std::memcpy(segments[s].gradient + begin, BytesOf(owners_[o]->segments[s].gradient) + begin,
                bytes);
  });
}

void OwedSums::TakeParameters(int rank, std::span<const SegmentMemory> own) const {
  ForEachOwner(own, count(), ranks_, [&](size_t s, size_t o, size_t begin, size_t bytes) {
    if (static_cast<int>(o) == rank) return;
    std::memcpy(own[s].parameter + begin, BytesOf(owners_[o]->handed_over[s]) + begin, bytes);
  });
}

}  // namespace eta::parallel
