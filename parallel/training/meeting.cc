#include "parallel/training/meeting.h"

#include <utility>

#include "parallel/isolate/insight.h"
#include "parallel/isolate/place.h"
#include "parallel/isolate/status_error.h"
#include "vm/diagnostics.h"

namespace eta::parallel {
namespace {

// Rather than an exit, or an escape to elsewhere.
bool IsError(const Vm::Pending& pending) {
  return pending.kind == Vm::Pending::Kind::kRaise || pending.kind == Vm::Pending::Kind::kRuntime;
}

}  // namespace

Meeting::Meeting(Vm& vm, ReplicaTraining& training, const tensor::OpInfo& info, Args args)
    : vm_(vm), training_(training), info_(info), args_(args) {
  training_.site.Update(vm);
  mine_.memory = memory_;
  if (const Insight* insight = Insight::Of(vm)) {
    mine_.signal = static_cast<uint8_t>(insight->signal());
  }
}

void Meeting::Open(StepMemory* memory) {
  memory_ = memory;
  memory_->site = training_.site.text();
  mine_.memory = memory_;
}

bool Meeting::Try(c10::function_ref<Value(tensor::Call&)> body) {
  if (!tensor::RunOperation(vm_, info_, args_, body).IsFailure()) return true;
  if (std::exchange(training_.failure_known, false)) {
    failed_together_ = training_.failed_together;
  } else {
    AnnounceFailure();
  }
  return false;
}

bool Meeting::Meet(StepRecord::Phase phase) {
  mine_.phase = phase;
  if (!Exchange()) return false;
  const int failed = FirstFailed(records());
  if (failed < 0 && Agree(records())) return true;
  Status status = failed >= 0 ? FailureOf(records(), failed) : CheckAgreement(records());
  if (failed < 0) member().world().Abort(status);
  Part();
  failed_together_ = failed >= 0;
  if (failed < 0) status = member().Poll();
  (void)Fail(status);
  return false;
}

void Meeting::SyncWork() {
  if (!leaves_work_) return Sync();
  if (works()) board().SyncWorkers(member().rank());
}

void Meeting::EndWork() {
  if (!leaves_work_) return Part();
  if (works()) board().Release(member().rank());
  leaves_work_ = false;
}

void Meeting::Sync() { board().Finish(member().rank()); }

SliceOwner Meeting::slices() const {
  return SliceOwner(member().rank(), owner(), owners(), records());
}

int Meeting::owner() const {
  const int rank = member().rank();
  if (leaves_work_) return board().PartOf(rank);
  return rank < owners() ? rank : -1;
}

Value Meeting::Fail(int rank, std::string_view tag, const std::string& reason) {
  return FailBecauseOf(vm_, rank, tag, std::string(info_.name) + ": " + reason);
}

Value Meeting::Fail(const Status& status) { return FailWith(vm_, info_.name, status); }

bool Meeting::Passed(const Status& status) {
  if (!status.ok()) (void)Fail(status);
  return status.ok();
}

// False: the world is over, and that is pending.
bool Meeting::Exchange() { return Passed(ExchangeRecords()); }

Status Meeting::ExchangeRecords() {
  const std::span all(training_.records);
  const std::string& site = training_.site.text();
  if (MayLeaveWork()) {
    const Status status = member().ExchangeForWork(info_.name.data(), mine_, all, site);
    leaves_work_ = status.ok();
    if (status.ok() && !LeaveWork(records())) EndWork();
    return status;
  }
  const bool all_here = member().world().seats().all_here();
  if (!all_here) mine_.shown = RemoteMemory::HashOfShown(*memory_);
  const Status status = member().Exchange(info_.name.data(), mine_, all, site);
  if (!status.ok() || all_here) return status;
  return training_.remote.Fetch(member(), *memory_, training_.records, site);
}

// Every meeting of such ranks is of this kind: one that fails does not know to which the others go.
bool Meeting::MayLeaveWork() const {
  return owners() < member().size() && member().communicator().SharesMemory();
}

// The error that is pending stays so. If the world is over, nobody needs to be told.
void Meeting::AnnounceFailure() {
  const SourceSpan span = PendingSpan(vm_, vm_.pending());
  const std::string place = PlaceText(span, vm_.File(span));
  memory_->site = place.empty() ? training_.site.text() : place;
  memory_->failure = FailureText();
  mine_.failed = true;
  mine_.may_retry &= IsError(vm_.pending());
  const Status status = ExchangeRecords();
  failed_together_ = status.ok();
  if (status.ok()) Part();
}

std::string Meeting::FailureText() const {
  const Vm::Pending& pending = vm_.pending();
  switch (pending.kind) {
    case Vm::Pending::Kind::kNone:
      return "the program escaped through a continuation";
    case Vm::Pending::Kind::kExit:
      return "the program called exit";
    default:
      return PendingMessage(pending);
  }
}

}  // namespace eta::parallel
