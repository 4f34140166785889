// JointStep: one training step of all replicas together.
//
// Each rank computes the gradients of the mean over its own rows; their sum, weighted so that it is
// the gradient of the mean over all rows, updates every replica in the same way, or none if
// anything failed on any rank. The loss that it returns is that of all rows, with the same bits on
// every rank.
//
// Inside no-sync a step ends after the backward pass: it adds to the rank's gradients, and returns
// the loss of its own rows. The next step outside takes those rows for a part of its own.
#pragma once

#include "parallel/training/local_step.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"
#include "parallel/training/slice_owner.h"

namespace eta::parallel {

// Lives for one step. Thread safety: the isolate's thread.
class JointStep {
 public:
  JointStep(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args);

  // The loss, or Failure with an error pending.
  Value Run();

 private:
  // The phases, in order. False: the step is over and an error is pending.
  bool Enter();
  bool Forward();
  bool DoBackward();
  bool Reduce();

  Value Begin(tensor::Call& call);
  bool SaveState();
  bool AgreeOnStart();
  bool CheckBlas();
  Value LayOut(tensor::Call& call);
  void TakeOwnRows();
  uint64_t HashOfBatch() const;
  void WarnOfSameBatch();
  bool NonfiniteLoss();
  bool NonfiniteGradient(const Nonfinite& nonfinite);
  Nonfinite FirstNonfinite() const;
  Nonfinite LookForNonfinite(int rank);
  void CombineMasks();
  bool ReduceTogether();
  bool ReduceApart();
  void UpdateSlices(const SliceOwner& slices);
  bool Commit(c10::function_ref<void()> update);
  std::string NameOf(const Nonfinite& nonfinite);
  Communicator& communicator() { return meeting_.member().communicator(); }
  PhaseLog& log() { return meeting_.member().log(); }
  tensor::Optimizer& optimizer() { return **arguments_.optimizer; }

  ReplicaTraining& training_;
  const bool gathers_only_;  // inside no-sync
  Meeting meeting_;
  StepArguments arguments_;
  KnownOptimizer* known_ = nullptr;
  LocalLoss loss_;
  LossTotals totals_;
};

}  // namespace eta::parallel
