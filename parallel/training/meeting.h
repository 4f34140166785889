// Meeting: how the ranks go through an operation together in which any of them may fail. What a
// rank does by itself goes through Try; where ranks need each other they Meet. A rank that fails
// tells the others where they next meet, and then all of them end the operation: each that failed
// with its own error, the others with that rank's name and place.
//
//   if (!meeting.Try([&](Call& call) { ... })) return Value::Failure();
//   if (!meeting.Meet(StepRecord::Phase::kSettle)) return Value::Failure();
//   ... look at meeting.records() ...
//
// After a Meet the ranks may read and write each other's memory until they Part. Where nobody does,
// because the records say all, they need not Part: a rank's memory is its own again at once.
//
// Thread safety: the isolate's thread.
#pragma once

#include <c10/util/FunctionRef.h>

#include <span>

#include "parallel/training/replica_training.h"
#include "parallel/training/slice_owner.h"
#include "parallel/training/step_record.h"
#include "torch/call.h"
#include "vm/vm.h"

namespace eta::parallel {

class Meeting {
 public:
  // `info.name` is the procedure, for errors. All ranks use the same one.
  Meeting(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args);
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  // What this rank says at the next meeting. `memory` is Open's affair.
  StepRecord& mine() { return mine_; }
  // What peers may see of this rank from the next meeting on, instead of a memory that holds the
  // place and failure only. REQUIRES: it outlives this, and no peer looks at it at the moment.
  void Open(StepMemory* memory);

  // Runs `body`, which returns Failure to fail, once, or twice when memory runs out. False: it
  // failed, the others know, and the error is pending.
  bool Try(c10::function_ref<Value(tensor::Call&)> body);

  // Waits for all ranks. False: the operation is over, and an error is pending.
  bool Meet(StepRecord::Phase phase);
  std::span<const StepRecord> records() const { return training_.records; }
  // Whether all ranks know from the records that some have failed.
  bool failed_together() const { return failed_together_; }
  // Where all ranks of a Meet wanted it (StepRecord::leaves_work), those that do not work have
  // slept until the others were done: they look at the records only, and at nobody's memory.
  // Otherwise all work.
  bool works() const { return !leaves_work_ || owner() >= 0; }
  // For those that work: waits until all of them have come here.
  void SyncWork();
  // The same, and the others wake up; the memory is closed. Nobody may fail between a Meet and
  // this.
  void EndWork();
  // How many of the ranks own slices.
  int owners() const { return board().workers(); }
  // What this rank has to do with slices until EndWork: where work is left to others, those that
  // came last act as owners; otherwise the first ranks do.
  SliceOwner slices() const;
  // Waits until all ranks have come here; their memory stays open.
  void Sync();
  // The same, and the memory is closed. Nobody may fail between a Meet and this.
  void Part() { Sync(); }

  // Starts an error of the operation itself, "NAME: reason", that `rank` caused (-1: nobody alone).
  [[nodiscard]] Value Fail(int rank, std::string_view tag, const std::string& reason);
  [[nodiscard]] Value Fail(const Status& status);

  // Whether that is ok; else it is the operation's error.
  bool Passed(const Status& status);

  Member& member() const { return training_.member(); }
  Vm& vm() const { return vm_; }
  const tensor::OpInfo& info() const { return info_; }
  Args args() const { return args_; }

 private:
  Board& board() const { return member().world().board(); }
  // Which of the owners this rank acts as; -1: none.
  int owner() const;
  bool Exchange();
  Status ExchangeRecords();
  bool MayLeaveWork() const;
  void AnnounceFailure();
  std::string FailureText() const;

  Vm& vm_;
  ReplicaTraining& training_;
  const tensor::OpInfo& info_;
  const Args args_;
  StepMemory own_;  // until another one is opened
  StepMemory* memory_ = &own_;
  StepRecord mine_;
  bool failed_together_ = false;
  bool leaves_work_ = false;  // and the workers have not ended it
};

}  // namespace eta::parallel
