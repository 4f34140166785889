#include "parallel/isolate/parallel_map.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/random_seed.h"
#include "parallel/isolate/child_programs.h"
#include "parallel/isolate/crew.h"
#include "parallel/isolate/place.h"
#include "parallel/isolate/rank_console.h"
#include "parallel/isolate/status_error.h"
#include "parallel/isolate/value_collectives.h"
#include "torch/bindings.h"
#include "vm/diagnostics.h"
#include "vm/list_walker.h"

namespace eta::parallel {
namespace {

constexpr const char* kName = "parallel-map";
constexpr auto kAssemblyTime = std::chrono::seconds(10);
constexpr auto kTick = std::chrono::milliseconds(50);

// How f failed for an element.
struct Failure {
  size_t element;
  std::string tag;                        // of what was raised; empty: none
  std::string message;                    // "failed at f.eta:3:4: car: not a pair"
  std::shared_ptr<const Parcel> payload;  // of a raise, if it can be sent
};

Failure FailureOf(Vm& vm, size_t element) {
  const Vm::Pending pending = vm.pending();
  const SourceSpan span = PendingSpan(vm, pending);
  const std::string place = PlaceText(span, vm.File(span));
  Failure failure{element, IsSymbol(pending.tag) ? SymbolName(pending.tag) : "", "", nullptr};
  const bool exited = pending.kind == Vm::Pending::Kind::kExit;
  failure.message = "failed" + (place.empty() ? "" : " at " + place) + ": " +
                    (exited ? "exit was called" : PendingMessage(pending));
  if (pending.kind == Vm::Pending::Kind::kRaise) {
    auto payload = Pack(vm, pending.payload);
    if (payload) failure.payload = std::move(*payload);
  }
  return failure;
}

// From which the elements of the map that `vm` begins get theirs: another one each time.
uint64_t NextSeed(const Vm& vm) {
  auto* const settings = vm.Attachment<tensor::TensorSettings>(tensor::kTensorSettings);
  return settings ? SeedOfStream(settings->seed.value_or(0), settings->maps++) : 0;
}

// Whatever `vm` has drawn before, it draws from the streams of `seed` now.
void SeedStreams(const Vm& vm, uint64_t seed) {
  auto* const settings = vm.Attachment<tensor::TensorSettings>(tensor::kTensorSettings);
  const auto* const seeder = vm.Attachment<tensor::Seeder>(tensor::kSeeder);
  if (settings != nullptr) settings->SetSeed(seed);
  if (seeder != nullptr) (*seeder)(seed);
}

// One call. Elements are taken in order, so that all before the first that fails have been taken by
// then: what is said of a failure does not depend on which thread was faster.
class Mapping {
 public:
  Mapping(Vm& vm, Args args) : vm_(vm), streams_(vm.console()), args_(args), seed_(NextSeed(vm)) {}

  Value Run() {
    if (!PackAll()) return Value::Failure();
    if (elements_.empty()) return Value::Nil();
    workers_ = std::min(HostOf(vm_).threads, static_cast<int>(elements_.size()));
    Crew crew(workers_, [this](int) { Work(); });
    if (!crew.Assemble(Clock::now() + kAssemblyTime)) {
      return vm_.TypeError(std::string(kName) + ": oneTBB gave no threads");
    }
    while (!crew.WaitUntil(Clock::now() + kTick)) CheckOn();
    if (!called_off_.ok()) return FailCalledOff(vm_, kName, called_off_);
    MutexLock lock(mu_);
    return failure_ ? Raise(*failure_) : UnpackAllFor(vm_, kName, results_);
  }

 private:
  bool PackAll() {
    procedure_ = PackFor(vm_, kName, args_[0]);
    if (procedure_ == nullptr) return false;
    const auto elements = ListItems(args_[1]);
    if (!elements) return !vm_.TypeError(std::string(kName) + ": not a proper list").IsFailure();
    for (const Value element : *elements) {
      elements_.push_back(PackFor(vm_, kName, element));
      if (elements_.back() == nullptr) return false;
    }
    results_.resize(elements_.size());
    return true;
  }

  // --- A worker ---------------------------------------------------------------------------------

  void Work() EXCLUDES_LOCK(mu_) {
    // What reaches this place is a failure of the machine (memory) or a defect of a library.
    try {
      Vm::Options options = ChildOptions(vm_, workers_);
      options.console = std::make_unique<RankConsole>(streams_, 0, OutputMode::kLines);
      Vm vm(std::move(options));
      PrepareVm(vm, ChildHost(vm_, workers_));
      MapSome(vm);
    } catch (const std::exception& e) {
      Report({0, std::string(kTypeError), e.what(), nullptr});
    }
  }

  void MapSome(Vm& vm) EXCLUDES_LOCK(mu_) {
    while (const std::optional<size_t> element = Take(&vm)) {
      const bool done = Map(vm, *element);
      if (!done) Report(FailureOf(vm, *element));
      PutDown(&vm);
      if (!done) return;
    }
  }

  // By a copy of f and from random streams for this element alone, so that it does not matter who
  // had which before.
  bool Map(Vm& vm, size_t element) {
    SeedStreams(vm, SeedOfStream(seed_, element));
    const Root procedure(vm.heap(), UnpackFor(vm, kName, *procedure_));
    if (procedure.get().IsFailure()) return false;
    const Root argument(vm.heap(), UnpackFor(vm, kName, *elements_[element]));
    if (argument.get().IsFailure()) return false;
    const Value arguments[] = {argument};
    const Root result(vm.heap(), vm.Call(procedure, arguments));
    if (result.get().IsFailure()) return false;
    results_[element] = PackFor(vm, "the result", result);
    return results_[element] != nullptr;
  }

  // The next element, for this worker; nothing if there is none or another has failed.
  std::optional<size_t> Take(Vm* vm) EXCLUDES_LOCK(mu_) {
    MutexLock lock(mu_);
    if (failure_ || stopping_ || next_ == elements_.size()) return std::nullopt;
    busy_.push_back({vm, next_});
    return next_++;
  }

  void PutDown(Vm* vm) EXCLUDES_LOCK(mu_) {
    MutexLock lock(mu_);
    std::erase_if(busy_, [vm](const Busy& busy) { return busy.vm == vm; });
  }

  // The first element counts. Nobody needs those behind it any more.
  void Report(Failure failure) EXCLUDES_LOCK(mu_) {
    MutexLock lock(mu_);
    if (failure_ && failure_->element <= failure.element) return;
    failure_ = std::move(failure);
    for (const Busy& busy : busy_) {
      if (busy.element > failure_->element) busy.vm->RequestTermination("not needed any more");
    }
  }

  // --- The caller -------------------------------------------------------------------------------

  void CheckOn() EXCLUDES_LOCK(mu_) {
    if (!called_off_.ok()) return;
    called_off_ = PollParent(vm_);
    if (called_off_.ok()) return;
    MutexLock lock(mu_);
    stopping_ = true;
    for (const Busy& busy : busy_) busy.vm->RequestTermination(called_off_.message);
  }

  Value Raise(const Failure& failure) {
    if (failure.payload != nullptr) {
      const Value payload = UnpackFor(vm_, kName, *failure.payload);
      if (payload.IsFailure()) return payload;
      const Root keep(vm_.heap(), payload);
      return vm_.Raise(failure.tag.empty() ? Value::False() : vm_.Symbol(failure.tag), keep);
    }
    const std::string message =
        std::string(kName) + ": element " + std::to_string(failure.element) + " " + failure.message;
    return vm_.Fail(failure.tag.starts_with(kRuntimePrefix) ? failure.tag : kUserError, message);
  }

  static constexpr std::string_view kRuntimePrefix = "runtime.";
  struct Busy {
    Vm* vm;
    size_t element;
  };

  Vm& vm_;
  SharedStreams streams_;
  const Args args_;
  const uint64_t seed_;
  int workers_ = 1;
  std::shared_ptr<const Parcel> procedure_;
  std::vector<std::shared_ptr<const Parcel>> elements_;
  std::vector<std::shared_ptr<const Parcel>> results_;  // each written by whoever took the element
  Status called_off_;                                   // the caller has to stop
  Mutex mu_;
  size_t next_ GUARDED_BY(mu_) = 0;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::vector<Busy> busy_ GUARDED_BY(mu_);
  std::optional<Failure> failure_ GUARDED_BY(mu_);
};

Value ParallelMap(Vm& vm, Args args) {
  if (!IsProcedure(args[0])) {
    return vm.TypeError(std::string(kName) + ": the first argument must be a procedure");
  }
  if (!MayStartPrograms(vm, kName)) return Value::Failure();
  // Not on the stack, where ThreadSanitizer takes the mutexes of maps inside maps for each other.
  return std::make_unique<Mapping>(vm, args)->Run();
}

constexpr NativeDef kNatives[] = {
    {"parallel/parallel-map", ParallelMap, 2, 2,
     "(parallel-map f xs): the results of f for each element, computed on several threads"},
};

}  // namespace

void InstallParallelMap(Vm& vm) { vm.DefineNatives(kNatives); }

}  // namespace eta::parallel
