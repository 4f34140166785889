// JointUpdate: how a training step of all replicas ends, after the meeting at which all of them
// know that none has failed: the gradients are summed, if they are not yet, looked at, and every
// replica is updated in the same way, or none is.
//
// Thread safety: the isolate's thread.
#pragma once

#include <c10/util/FunctionRef.h>

#include "parallel/training/exchange_place.h"
#include "parallel/training/meeting.h"
#include "parallel/training/slice_exchange.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {

// Lives for one step. Each way begins with the meeting's memory open, and ends with it closed.
// False: an error is pending.
class JointUpdate {
 public:
  // `optimizer` is that of `known`. The weights of all addends are in `training`, but for BySums.
  JointUpdate(Meeting& meeting, ReplicaTraining& training, KnownOptimizer& known,
              tensor::Optimizer& optimizer, const ExchangePlace& place)
      : meeting_(meeting),
        training_(training),
        known_(known),
        optimizer_(optimizer),
        place_(place) {}

  // Where ranks reach each other's memory: the owner of a slice sums and updates it for all.
  bool Together();
  // Where they do not: each sends what it has, and updates its own replica, or its slices of it.
  bool Apart();
  // Where the gradients are sums already.
  bool BySums();

 private:
  void MakeSums(const SliceOwner& slices);
  void OweSums();
  void UpdateSlices(const SliceOwner& slices);
  double SquaredSums();
  void TakeParameters();
  Status FindSums(SliceExchange& slices, SliceExchange::Findings* findings);
  bool SumsAreEverywhere() const;
  Status SumApart(SliceExchange& slices);
  Status Share(const SliceExchange::Findings& own, SliceExchange::Findings* all);
  std::vector<tensor::Tensor> Gradients() const;
  std::vector<tensor::Tensor> Addends() const;
  bool UpdateOwnSlices(SliceExchange& slices, double squares);
  void NoteSlicedState();
  void CombineMasks();
  void TakeMask(const tensor::Optimizer::Mask& all);
  Nonfinite FirstNonfinite() const;
  Nonfinite FirstNonfiniteSum() const;
  bool Commit(c10::function_ref<void()> update);
  Status EndBecause(const char* when, const std::exception& e);
  bool NonfiniteGradient(const Nonfinite& nonfinite);
  std::string NameOf(const Nonfinite& nonfinite) const;
  Communicator& communicator() { return meeting_.member().communicator(); }
  Exchange exchange() {
    return {place_, communicator(), training_.site.text(), meeting_.member().log()};
  }
  size_t shards() const { return static_cast<size_t>(training_.shards); }
  PhaseLog& log() { return meeting_.member().log(); }

  Meeting& meeting_;
  ReplicaTraining& training_;
  KnownOptimizer& known_;
  tensor::Optimizer& optimizer_;
  const ExchangePlace& place_;
};

// The parameters in `after` that are not in `before` have a gradient now.
void AddGradients(const tensor::Optimizer& optimizer, const tensor::Optimizer::Mask& before,
                  const tensor::Optimizer::Mask& after);

}  // namespace eta::parallel
