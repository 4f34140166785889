// JointStep: one training step of all replicas together.
//
// Each rank computes the gradients of the mean over its own rows; their sum, weighted so that it is
// the gradient of the mean over all rows, updates every replica in the same way, or none if
// anything failed on any rank. The loss that it returns is that of all rows, with the same bits on
// every rank.
//
// Where batches are computed in shards, each goes through the model by itself, and what is summed
// are the shards, whichever rank they are on (shard_sums.h).
//
// A model whose forward pass meets the other ranks (Module::MeetsOtherRanks) is run by a rank
// without rows too. Its gradients flow between ranks, so all of them count in units of the loss of
// all rows: the denominators are known before the backward pass, and the gradients' sums have
// weights of 1.
//
// Where ranks do not reach each other's memory, gradients are summed in buckets as they become
// ready (gradient_reducer.h). So the ranks meet before the backward pass as well, for the
// denominators.
//
// Inside no-sync a step ends after the backward pass: it adds to the rank's gradients, and returns
// the loss of its own rows. The next step outside takes those rows for a part of its own.
#pragma once

#include "parallel/training/gradient_reducer.h"
#include "parallel/training/local_step.h"
#include "parallel/training/meeting.h"
#include "parallel/training/replica_training.h"

namespace eta::parallel {

// Lives for one step. Thread safety: the isolate's thread.
class JointStep {
 public:
  JointStep(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args);

  // The loss, or Failure with an error pending.
  Value Run();

  // After Run has failed: whether the ranks that did could be put right, and all run it again. All
  // ranks say the same.
  bool MayBeHealed() const { return meeting_.failed_together() && MayRetry(meeting_.records()); }
  // REQUIRES: MayBeHealed.
  KnownOptimizer& known() { return *known_; }
  const std::shared_ptr<tensor::Module>& model() const { return *arguments_.model; }

 private:
  // The phases, in order. False: the step is over and an error is pending.
  bool Enter();
  bool Compute();
  bool Reduce();

  Value EndAlone();
  void RememberLess();
  Value Begin(tensor::Call& call);
  bool RegisterGradients();
  bool Forward(const StepArguments& batch);
  bool DoBackward();
  bool DoBackwardTogether();
  bool DoBackwardByBuckets();
  bool MaySendByBuckets();
  bool GoByBuckets();
  Status BackwardListening(tensor::Call& call, GradientReducer& reducer);
  void AccumulateTogether(tensor::TensorContext& context);
  void NoteGradients();
  bool ShareLoss();
  bool ComputeShards();
  bool AddShard(size_t shard);
  Value OpenShards();
  tensor::LossSums CountedOnce(const tensor::LossSums& sums);
  tensor::LossSums OwnLoss() const;
  double OwnMean() const;
  bool TakeOwnRows();
  bool AgreeOnParameters();
  bool Update();
  void WarnOfBatches();
  bool PassNonfiniteLoss();
  Nonfinite LookForNonfinite();
  Communicator& communicator() { return meeting_.member().communicator(); }
  size_t shards() const { return static_cast<size_t>(training_.shards); }
  PhaseLog& log() { return meeting_.member().log(); }
  tensor::Optimizer& optimizer() { return **arguments_.optimizer; }

  ReplicaTraining& training_;
  const bool gathers_only_;  // this step does not update
  const bool shares_loss_;   // and the ranks meet nonetheless
  bool together_ = false;    // the model meets the other ranks
  bool by_buckets_ = false;  // gradients travel while the backward pass goes on
  Meeting meeting_;
  StepArguments arguments_;
  ExchangePlace place_;
  KnownOptimizer* known_ = nullptr;
  LocalLoss loss_;                       // of the batch, or of the last shard
  std::vector<tensor::LossSums> batch_;  // of all shards so far
  tensor::LossSums totals_;              // of all ranks
};

}  // namespace eta::parallel
