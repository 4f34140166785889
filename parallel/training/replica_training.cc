#include "parallel/training/replica_training.h"

#include "parallel/isolate/host.h"

namespace eta::parallel {
namespace {

constexpr const char* kKey = "parallel.training";

}  // namespace

ReplicaTraining* ReplicaTraining::Of(Vm& vm) {
  if (auto* made = vm.Attachment<ReplicaTraining>(kKey)) return made;
  RankContext* rank = RankContext::Of(vm);
  if (rank == nullptr) return nullptr;
  const int size = rank->member.size(), shards = HostOf(vm).shards / size;
  if (size == 1 && shards == 0) return nullptr;
  auto training = std::make_shared<ReplicaTraining>(*rank, shards);
  vm.Attach(kKey, training);
  return training.get();
}

ReplicaTraining::ReplicaTraining(RankContext& rank, int shards)
    : shards(shards), records(static_cast<size_t>(rank.member.size())), rank_(rank) {}

KnownOptimizer& ReplicaTraining::Know(const std::shared_ptr<tensor::Optimizer>& optimizer) {
  for (auto& known : known_) {
    if (known->optimizer.lock() == optimizer) return *known;
  }
  std::erase_if(known_, [](const auto& known) { return known->optimizer.expired(); });
  known_.push_back(std::make_unique<KnownOptimizer>(
      KnownOptimizer{.optimizer = optimizer, .number = ++numbers_given_}));
  return *known_.back();
}

}  // namespace eta::parallel
