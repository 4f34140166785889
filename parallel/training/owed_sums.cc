#include "parallel/training/owed_sums.h"

#include <ATen/ops/empty_like.h>

#include <cstring>

#include "parallel/training/slice_owner.h"

namespace eta::parallel {

OwedSums::~OwedSums() {
  if (arenas_) arenas_->TakeBack(this);
}

void OwedSums::LayOut(const tensor::Optimizer& optimizer, StepMemory* memory) {
  auto sums = std::make_shared<SlicedSums>();
  for (const auto& segment : optimizer.segments()) {
    sums->push_back(at::empty_like(segment.tensors.parameter));  // pages come when they are used
  }
  for (size_t s = 0; s < sums->size(); ++s) {
    memory->segments[s].sums = static_cast<std::byte*>((*sums)[s].data_ptr());
  }
  memory->sums = std::move(sums);
}

void OwedSums::Owe(const std::shared_ptr<tensor::ArenaRegistry>& arenas,
                   const tensor::Optimizer& optimizer, std::span<const StepRecord> records,
                   const StepMemory& own) {
  if (arenas_ != arenas) arenas_ = arenas;
  own_ = &own;
  sums_.resize(records.size());
  for (size_t r = 0; r < records.size(); ++r) {
    // Counting references for nothing would have the ranks take the count from each other.
    if (sums_[r] != records[r].memory->sums) sums_[r] = records[r].memory->sums;
  }
  arenas->Owe(this, &optimizer);
}

void OwedSums::Pay() {
  const auto& segments = own_->segments;
  ForEachSlice(segments, sums_.size(), [&](size_t s, size_t r, size_t begin, size_t bytes) {
    const auto* const theirs = static_cast<const std::byte*>((*sums_[r])[s].const_data_ptr());
    std::memcpy(segments[s].gradient + begin, theirs + begin, bytes);
  });
}

}  // namespace eta::parallel
