// ReplicaTraining: what an isolate remembers from one training step to the next when it is one of
// several replicas, or computes its batches in shards as they would. A program that runs alone has
// none.
//
// Thread safety: the isolate's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/isolate/rank_context.h"
#include "parallel/training/call_site.h"
#include "parallel/training/gradient_buckets.h"
#include "parallel/training/owed_sums.h"
#include "parallel/training/parameter_watch.h"
#include "parallel/training/reduced_gradients.h"
#include "parallel/training/registered_memory.h"
#include "parallel/training/remote_memory.h"
#include "parallel/training/shard_sums.h"
#include "parallel/training/shared_parameters.h"
#include "parallel/training/step_memory.h"
#include "parallel/training/step_record.h"
#include "torch/optimizer.h"

namespace eta::tensor {
struct RunState;  // torch/state/checkpoint.h
}

namespace eta::parallel {

// An optimizer that has trained here.
struct KnownOptimizer {
  std::weak_ptr<tensor::Optimizer> optimizer;
  uint32_t number;         // by order of first use, from 1; the same on all ranks
  bool common = false;     // the number is: all ranks have begun a step with it
  bool entered = false;    // the ranks have agreed on its structure and layout as they are
  uint64_t structure = 0;  // hash of the description of its parameters
  StepMemory memory;
  ParameterWatch watch;
  SharedParameters shared;      // where ranks share cores
  OwedSums owed;                // where ranks share memory
  GradientBuckets buckets;      // where gradients travel in buckets
  RegisteredMemory registered;  // the arenas that these are pieces of
  ShardSums sums;               // where batches are computed in shards
};

class ReplicaTraining {
 public:
  // Null if the program runs alone, and computes batches at once; else made on first use.
  static ReplicaTraining* Of(Vm& vm);

  // `shards` of all ranks together, which is a multiple of their number.
  ReplicaTraining(RankContext& rank, int shards);
  ReplicaTraining(const ReplicaTraining&) = delete;
  ReplicaTraining& operator=(const ReplicaTraining&) = delete;

  Member& member() { return rank_.member; }
  const LaunchOptions& options() const { return rank_.options; }

  // Valid until another optimizer is first used.
  KnownOptimizer& Know(const std::shared_ptr<tensor::Optimizer>& optimizer);
  // After a step with it in which some ranks may not have come to know it: its number is given
  // again. References to it end.
  void Forget(const KnownOptimizer& known);
  // The member is about to leave its world for another one.
  void LeaveWorld();
  // It is in that now.
  void EnterWorld();
  // Null if there is none of this number.
  KnownOptimizer* Find(uint32_t number);
  // Before and after the update of a step, which is no change by the program, whichever optimizers
  // know of the parameters.
  void NoteChanges();
  void PassOverUpdate();
  // The next step with the optimizer of this number, if it is known, begins as a first one.
  void EnterAnew(uint32_t number);
  // Those that are still in use, in the order of their numbers.
  std::vector<std::unique_ptr<KnownOptimizer>>& known() { return known_; }

  CallSite site;
  int shards;                             // of each rank's batches; 0: these are computed at once
  uint64_t steps = 0;                     // training steps begun
  uint64_t batches = 0;                   // of this rank that were computed in shards
  std::vector<StepRecord> records;        // of the last meeting, by rank
  RemoteMemory remote;                    // what they point to, of ranks elsewhere
  std::vector<double> weights;            // of the addends in the last step
  tensor::Optimizer::Mask with_gradient;  // parameters that have a gradient on some rank
  ReducedGradients reduced;
  const std::shared_ptr<GradientNews> news = std::make_shared<GradientNews>();
  // What a checkpoint takes of all ranks, once a signal ends the run.
  std::shared_ptr<const tensor::RunState> farewell;
  size_t bucket_cap = 0;         // that suits what is between the ranks; 0: nobody has timed it
  bool in_step = false;          // in train-step!
  bool may_retry = false;        // that could be taken once more, if it failed
  bool failure_known = false;    // the error that is pending came from all ranks
  bool failed_together = false;  // and it is that some of them have failed
  bool warned_of_batches = false;
  bool checked_blas = false;

 private:
  RankContext& rank_;
  const int all_shards_;
  uint32_t numbers_given_ = 0;
  std::vector<std::unique_ptr<KnownOptimizer>> known_;
};

}  // namespace eta::parallel
