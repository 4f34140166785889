#include "parallel/isolate/isolate.h"

#include <exception>
#include <utility>

#include "parallel/core/report.h"
#include "parallel/isolate/insight.h"
#include "parallel/isolate/place.h"

namespace eta::parallel {
namespace {

Ending Failure(std::string message) {
  Ending ending;
  ending.kind = Ending::Kind::kFailed;
  ending.message = std::move(message);
  return ending;
}

// Why the world is over after a rank has failed.
Status ReasonOf(int rank, const Ending& ending) {
  if (ending.culprit >= 0 && ending.culprit != rank) {
    return {Code::kPeerFailed, ending.message, ending.culprit};
  }
  return FailureStatus(rank, ending.place(), ending.message);
}

int SignalOf(const Vm& vm) {
  const Insight* const insight = Insight::Of(vm);
  return insight == nullptr ? 0 : insight->signal();
}

// The interrupt hook of a rank's Vm. Once the world is over, the next collective says so, where the
// program expects it; until then it may go on for the time that the group allows. A run that was
// asked to end from outside ends here.
Value AtSafepoint(Vm& vm, Member& member) {
  const Status over = member.Poll();
  if (over.ok()) member.SetPlace(PlaceText(vm));
  return over.code == Code::kAborted ? EndStep(vm, Value::Nil(), SignalOf(vm)) : Value::Nil();
}

}  // namespace

void Isolate::Run(const std::shared_ptr<World>& world, const MakeVm& make_vm,
                  const Program& program) {
  Result<std::unique_ptr<Member>> member = World::Join(world, rank_);
  const Ending ending =
      member ? RunProgram(**member, make_vm, program) : Failure(member.error().message);
  SetEnding(ending);
  if (member) Announce(**member, ending);
}

// The Vm is gone when the rank leaves, so that nothing in it outlives the rank's communicator.
Ending Isolate::RunProgram(Member& member, const MakeVm& make_vm, const Program& program) {
  // What reaches this place is a failure of the machine (memory) or a defect of a library.
  try {
    const std::unique_ptr<Vm> vm = make_vm(member);
    vm->SetInterruptHook([&member](Vm& here) { return AtSafepoint(here, member); });
    Publish(vm.get());
    const bool ran = program(*vm);
    Publish(nullptr);
    const bool finished = EndProgram(*vm, member, ran);
    const Ending ending = EndingOf(*vm, finished, member.world().board().aborted());
    SetEnding(ending);
    // The others need not wait until this Vm is gone.
    if (ending.kind == Ending::Kind::kFailed) {
      member.world().Abort(ReasonOf(member.rank(), ending));
    }
    (void)member.Poll();
    return ending;
  } catch (const std::exception& e) {
    Publish(nullptr);
    return Failure(e.what());
  }
}

// From here on nobody waits for a sign of this rank.
bool Isolate::EndProgram(Vm& vm, Member& member, bool finished) {
  in_last_act_ = true;
  const Status over = member.world().board().Acknowledge(member.rank());
  const bool result = RunLastAct(vm, finished, over.code == Code::kAborted);
  in_last_act_ = false;
  return result;
}

void Isolate::Announce(Member& member, const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::kReturned:
      return member.Return();
    case Ending::Kind::kExited:
      return member.Exit(ending.exit_code, ending.place());
    case Ending::Kind::kFailed:
    case Ending::Kind::kStopped:
      return member.Fail(ending.place(), ending.message);
  }
}

void Isolate::Publish(Vm* vm) {
  MutexLock lock(mu_);
  vm_ = vm;
  if (vm_ == nullptr) return;
  vm_->RequestInterrupt();  // the world may have ended already
  if (terminated_) vm_->RequestTermination(*terminated_);
}

void Isolate::Interrupt() {
  MutexLock lock(mu_);
  if (vm_) vm_->RequestInterrupt();
}

void Isolate::Terminate(const std::string& reason) {
  MutexLock lock(mu_);
  terminated_ = reason;
  if (vm_) vm_->RequestTermination(reason);
}

void Isolate::SetEnding(const Ending& ending) {
  MutexLock lock(mu_);
  ending_ = ending;
}

std::optional<Ending> Isolate::ending() const {
  MutexLock lock(mu_);
  return ending_;
}

}  // namespace eta::parallel
