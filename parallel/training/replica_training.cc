#include "parallel/training/replica_training.h"

#include <algorithm>

#include "base/check.h"
#include "parallel/isolate/host.h"

namespace eta::parallel {
namespace {

constexpr const char* kKey = "parallel.training";

}  // namespace

ReplicaTraining* ReplicaTraining::Of(Vm& vm) {
  if (auto* made = vm.Attachment<ReplicaTraining>(kKey)) return made;
  RankContext* rank = RankContext::Of(vm);
  if (rank == nullptr) return nullptr;
  const int shards = HostOf(vm).shards;
  if (rank->member.size() == 1 && shards == 0) return nullptr;
  auto training = std::make_shared<ReplicaTraining>(*rank, shards);
  vm.Attach(kKey, training);
  return training.get();
}

ReplicaTraining::ReplicaTraining(RankContext& rank, int shards) : rank_(rank), all_shards_(shards) {
  EnterWorld();
}

// In the next one other ranks own the slices.
void ReplicaTraining::LeaveWorld() {
  for (auto& known : known_) {
    known->registered.Release();
    known->entered = false;
  }
}

void ReplicaTraining::EnterWorld() {
  shards = all_shards_ / member().size();
  records.assign(static_cast<size_t>(member().size()), StepRecord{});
}

KnownOptimizer& ReplicaTraining::Know(const std::shared_ptr<tensor::Optimizer>& optimizer) {
  for (auto& known : known_) {
    if (known->optimizer.lock() == optimizer) return *known;
  }
  std::erase_if(known_, [](const auto& known) { return known->optimizer.expired(); });
  known_.emplace_back(new KnownOptimizer{.optimizer = optimizer, .number = ++numbers_given_});
  return *known_.back();
}

void ReplicaTraining::Forget(const KnownOptimizer& known) {
  ETA_CHECK(!known.common && known.number == numbers_given_);
  --numbers_given_;
  known_.pop_back();
}

KnownOptimizer* ReplicaTraining::Find(uint32_t number) {
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&](const auto& known) { return known->number == number; });
  return found == known_.end() ? nullptr : found->get();
}

void ReplicaTraining::NoteChanges() {
  for (auto& known : known_) known->watch.Note();
}

void ReplicaTraining::PassOverUpdate() {
  for (auto& known : known_) known->watch.PassOver();
}

void ReplicaTraining::EnterAnew(uint32_t number) {
  if (KnownOptimizer* const known = Find(number)) known->entered = false;
}

}  // namespace eta::parallel
