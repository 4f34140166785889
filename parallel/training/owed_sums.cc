#include "parallel/training/owed_sums.h"

#include <ATen/ops/empty_like.h>

#include <cstring>

#include "parallel/training/slice_owner.h"

namespace eta::parallel {

OwedSums::~OwedSums() {
  if (arenas_) arenas_->TakeBack(this);
}

void OwedSums::LayOut(const tensor::Optimizer& optimizer, StepMemory* memory) {
  auto sums = std::make_shared<OwnedSums>();
  for (const auto& segment : optimizer.segments()) {
    // Pages come when they are used.
    sums->segments.push_back(at::empty_like(segment.tensors.parameter));
  }
  for (size_t s = 0; s < sums->segments.size(); ++s) {
    memory->segments[s].sums = static_cast<std::byte*>(sums->segments[s].data_ptr());
  }
  memory->sums = std::move(sums);
}

void OwedSums::Know(std::span<const StepRecord> records, int owners) {
  ranks_ = records.size();
  sums_.clear();
  for (const StepRecord& record : records.first(static_cast<size_t>(owners))) {
    sums_.push_back(record.memory->sums);
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
  const auto take = [&](size_t s, size_t owner, size_t begin, size_t bytes) {
    const auto& theirs = sums_[owner]->segments[s];
    std::memcpy(segments[s].gradient + begin,
                static_cast<const std::byte*>(theirs.const_data_ptr()) + begin, bytes);
  };
  ForEachOwner(segments, static_cast<int>(sums_.size()), ranks_, take);
}

}  // namespace eta::parallel
