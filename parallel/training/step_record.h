// StepRecord: what a rank tells the others when they meet in the course of a training step, and
// what follows when all have done so. Pure functions of the records: every rank decides the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/status.h"
#include "parallel/training/step_memory.h"
#include "torch/loss_sums.h"

namespace eta::parallel {

struct StepRecord {
  enum class Phase : uint8_t {
    kSave,        // the layout is about to change; the optimizer state is put together first
    kEnter,       // first step with this layout: structure and initial values
    kSettle,      // before gradients are averaged: the ranks' weights
    kGather,      // the same where the step only adds to the gradients
    kStatistics,  // in a forward or backward pass that meets the other ranks
    kReduce,      // after the backward pass
    kHeal,        // after a step that has failed
  };
  Phase phase = Phase::kReduce;
  bool failed = false;       // this rank cannot go on; memory->failure says why
  bool may_retry = false;    // this rank could take the step once more
  bool entering = false;     // this rank's layout is new in this step
  bool leaves_work = false;  // this rank can sleep until the step is done (Meeting::works)
  bool changed = false;      // its program has changed parameters since the last step
  uint8_t signal = 0;        // that asks the run to end, or 0
  uint32_t optimizer = 0;    // by the order of first use, from 1; 0: none
  uint64_t step = 0;         // training steps begun so far
  uint64_t layout = 0;       // LayoutSignature
  tensor::LossSums loss;
  uint32_t shards = 0;  // entries in memory->shards
  uint64_t values = 0;  // hash of memory->values, 0: nobody wants to compare them
  uint64_t batch = 0;   // hash of the rows, 0: not asked for
  uint64_t shown = 0;   // RemoteMemory::HashOfShown, where there are ranks elsewhere
  const StepMemory* memory = nullptr;
};

// Whether some failed, others did not, and all could take the step once more.
bool MayRetry(std::span<const StepRecord> records);
// The first rank that failed, or -1.
int FirstFailed(std::span<const StepRecord> records);
// What that rank's failure is to the others. REQUIRES: it failed, and memory may be read.
Status FailureOf(std::span<const StepRecord> records, int rank);

// kDesync unless all ranks are in the same phase of the same step, of the same optimizer, with the
// same layout and, if they compare them, values. They may call it from different places. REQUIRES:
// none failed, and memory may be read.
Status CheckAgreement(std::span<const StepRecord> records);
// False without building any message.
bool Agree(std::span<const StepRecord> records);

// Whether the program of some rank has changed parameters since the last step.
bool HaveChanges(std::span<const StepRecord> records);

// Whether all leave what follows to those that work: all would, none failed, and they agree.
bool LeaveWork(std::span<const StepRecord> records);

// The loss over the rows of all ranks: sums in the order of the ranks and of their shards, so the
// same bits everywhere.
tensor::LossSums TotalLoss(std::span<const StepRecord> records);

// What each addend counts in the mean over all rows, by rank and shard: a rank's mean its share of
// the denominators; the sum over a shard what any other does.
void ComputeWeights(std::span<const StepRecord> records, std::vector<double>* weights);

// The rank to blame when the mean loss is not finite; -1 when nobody alone is.
int NonfiniteLossRank(std::span<const StepRecord> records);

// The signal that asks the run to end, if any rank has noticed one; else 0.
int SignalOf(std::span<const StepRecord> records);

// Whether all ranks brought the very same rows. kUnknown: one rank, or nobody asked.
enum class Batches { kUnknown, kSame, kDiffer };
Batches BatchesOf(std::span<const StepRecord> records);

}  // namespace eta::parallel
