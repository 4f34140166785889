// StepLayout: what the ranks have to agree on before they compute a step together: that parameters
// have the same structure and lie in memory alike. The first step with a layout also gives all
// replicas the initial values of rank 0, and finds out what the buckets of gradients are to be.
#pragma once

#include "parallel/training/local_step.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"

namespace eta::parallel {

// Whether the gradients of a step that may send them in `count` buckets travel so; on a device also
// those of a rank that is alone.
bool TakesBuckets(Communicator& communicator, const ExchangePlace& place, size_t count);

// Lives for one step. Thread safety: the isolate's thread.
class StepLayout {
 public:
  // `goes_by_buckets`: gradients may be sent in buckets, in this step or in others like it.
  // REQUIRES: what it refers to outlives it.
  StepLayout(Meeting& meeting, ReplicaTraining& training, KnownOptimizer& known,
             const StepArguments& arguments, const ExchangePlace& place, bool goes_by_buckets)
      : meeting_(meeting),
        training_(training),
        known_(known),
        arguments_(arguments),
        place_(place),
        goes_by_buckets_(goes_by_buckets) {}

  // Meets the others only if there is something to do. False: the step is over, and an error is
  // pending.
  bool Know();

 private:
  Value LayOut(tensor::Call& call);
  bool LeaveSharedParameters();
  bool AgreeOnStart();
  bool WantsProbe();
  bool SizeBuckets();
  bool CheckBlas();
  uint64_t HashOfBatch() const;
  Communicator& communicator() { return meeting_.member().communicator(); }
  tensor::Optimizer& optimizer() { return **arguments_.optimizer; }

  Meeting& meeting_;
  ReplicaTraining& training_;
  KnownOptimizer& known_;
  const StepArguments& arguments_;
  const ExchangePlace& place_;
  const bool goes_by_buckets_;
  tensor::Tensor probe_;  // memory to time collectives with
};

}  // namespace eta::parallel
