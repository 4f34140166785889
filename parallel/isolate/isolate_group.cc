#include "parallel/isolate/isolate_group.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "parallel/core/report.h"
#include "parallel/core/run_stats.h"
#include "parallel/isolate/cores.h"
#include "parallel/isolate/insight.h"
#include "parallel/isolate/time_slice.h"
#include "vm/builtins/file_access.h"

namespace eta::parallel {
namespace {

constexpr auto kAssemblyTime = std::chrono::seconds(10);
// For writing out what is buffered when the process is ended by force.
constexpr auto kFlushTime = std::chrono::milliseconds(500);
// How long ranks that are asked to end may take to begin a training step.
constexpr auto kStepPatience = std::chrono::seconds(2);
// How often it looks whether the world has ended early.
constexpr auto kTick = std::chrono::milliseconds(50);

std::string Error(const std::string& message, const DiagnosticStyle& style) {
  return RenderMessage("error", message, style);
}

std::string CurrentDirectory() {
  std::error_code unknown;
  return std::filesystem::current_path(unknown).string();
}

}  // namespace

IsolateGroup::IsolateGroup(GroupOptions options, SharedStreams& streams)
    : options_(std::move(options)),
      first_(options_.link ? options_.link->seats().first : 0),
      directory_(CurrentDirectory()),
      streams_(streams),
      journal_(options_.journal
                   ? options_.journal
                   : std::make_shared<Journal>(options_.size, PhaseLog::kUsualCapacity, first_)) {
  for (int i = 0; i < options_.size; ++i) {
    isolates_.push_back(std::make_unique<Isolate>(first_ + i));
  }
}

IsolateGroup::~IsolateGroup() = default;

IsolateGroup::Outcome IsolateGroup::Run(const Program& program) {
  Result<std::shared_ptr<World>> world = MakeWorld();
  if (!world) return {1, Error(world.error().message, {options_.color}), world.error()};
  world_ = *world;
  if (const std::string about = world_->about(); options_.show_backend && !about.empty()) {
    streams_.WriteError("replicas exchange data through " + about + "\n");
  }
  if (const std::string notice = world_->notice(); !notice.empty()) {
    streams_.WriteError(RenderMessage("warning", notice, {options_.color}));
  }
  const MakeVm make_vm = [this](Member& member) { return MakeVmOf(member); };
  const bool shares_cores = options_.size > world_->board().workers();
  Crew crew(options_.size, [&](int i) {
    if (!options_.cores.empty()) PinThread(options_.cores[i]);
    std::optional<LongTimeSlice> slice;
    if (shares_cores) slice.emplace();
    isolates_[i]->Run(world_, make_vm, program);
  });
  if (!crew.Assemble(Clock::now() + kAssemblyTime)) {
    const std::string message = "only " + std::to_string(crew.assembled()) + " of " +
                                std::to_string(options_.size) +
                                " replicas got a thread from oneTBB";
    return {1, Error(message, {options_.color}), Invalid(message)};
  }
  WaitForAll(crew);
  const World::Outcome outcome = world_->Wait();
  streams_.Flush();
  return OutcomeOf(outcome);
}

bool IsolateGroup::IsInterruption(const Status& status) const {
  return status.code == Code::kAborted && options_.interruption != nullptr &&
         options_.interruption->signal() != 0;
}

IsolateGroup::Outcome IsolateGroup::OutcomeOf(const World::Outcome& outcome) {
  const Status& status = outcome.status;
  const int size = LastWorld()->size();
  if (status.ok()) return {outcome.exit_code, "", {}, size};
  if (!IsInterruption(status) && !HaveExitedForSignal()) {
    return {outcome.exit_code, Diagnose(status) + StallReport(status) + HealingNote(), status,
            size};
  }
  const std::optional<Ending> last_act = isolates_[0]->ending();
  if (last_act && last_act->kind == Ending::Kind::kFailed) {
    return {1, RenderError(*last_act, last_act->message, {options_.color, 0}), status, size};
  }
  const bool has_exited = last_act && last_act->kind == Ending::Kind::kExited;
  const int code = has_exited ? last_act->exit_code : options_.interruption->exit_code();
  return {code, "", status, size};
}

// Whether a signal has ended all replicas, of which the first one may have given another status.
bool IsolateGroup::HaveExitedForSignal() const {
  if (options_.interruption == nullptr || options_.interruption->signal() == 0) return false;
  const auto has_exited = [this](const auto& isolate) {
    const std::optional<Ending> ending = isolate->ending();
    return ending && ending->kind == Ending::Kind::kExited &&
           (isolate == isolates_[0] || ending->exit_code == options_.interruption->exit_code());
  };
  return std::all_of(isolates_.begin(), isolates_.end(), has_exited);
}

Result<std::shared_ptr<World>> IsolateGroup::MakeWorld() {
  WorldOptions world;
  world.devices = options_.devices;
  world.devices.resize(static_cast<size_t>(options_.size));
  world.device_ops = options_.device_ops;
  world.link = options_.link;
  world.backend = options_.backend;
  world.stall_timeout = options_.stall_timeout;
  world.cores = UsableCores();
  world.journal = journal_;
  SupervisorOptions& supervisor = world.supervisor;
  supervisor.abort_deadline = options_.abort_deadline;
  supervisor.interrupt = [this](int rank) { FirstIsolate(rank).Interrupt(); };
  supervisor.ask_place = supervisor.interrupt;
  supervisor.warn = [this](const std::string& text) { streams_.WriteError(text + "\n"); };
  supervisor.unresponsive = [this](const std::string& report) { EndProcess(report); };
  return World::Create(std::move(world));
}

std::unique_ptr<Vm> IsolateGroup::MakeVmOf(Member& member) {
  Vm::Options options = options_.vm_options(member.rank());
  options.console = std::make_unique<RankConsole>(streams_, member.rank(), options_.output);
  auto vm = std::make_unique<Vm>(std::move(options));
  vm->Attach(RankContext::kKey,
             std::shared_ptr<RankContext>(new RankContext{member, options_.launch}));
  if (!directory_.empty()) {
    vm->Attach(OwnDirectory::kKey, std::make_shared<OwnDirectory>(OwnDirectory{directory_}));
  }
  Insight::Attach(*vm, journal_, member.rank(), options_.interruption);
  options_.prepare(*vm, member.rank());
  return vm;
}

void IsolateGroup::WaitForAll(Crew& crew) {
  while (!LastWorld()->board().aborted()) {
    if (crew.WaitUntil(Clock::now() + kTick)) return;
    const auto world = LastWorld();
    HeedSignals(*world);
    HeedCaller(*world);
  }
  const Status reason = LastWorld()->board().reason();
  (void)StallReport(reason);
  const auto last_words = called_off_ ? std::chrono::nanoseconds(0) : options_.last_words;
  if (WaitFor(crew, Clock::now() + last_words)) return;
  for (const auto& isolate : isolates_) isolate->Terminate(reason.message);
  if (WaitFor(crew, Clock::now() + options_.abort_deadline)) return;
  EndProcess(reason.message + "\n" + ListRanks(Unfinished()) + " did not stop in time");
}

std::shared_ptr<World> IsolateGroup::LastWorld() const {
  std::shared_ptr<World> last = world_;
  while (auto next = last->successor()) last = std::move(next);
  return last;
}

Isolate& IsolateGroup::IsolateOf(const World& world, int rank) const {
  return FirstIsolate(world.origin(rank));
}

Isolate& IsolateGroup::FirstIsolate(int rank) const {
  return *isolates_[static_cast<size_t>(rank - first_)];
}

// Or as long as on-interrupt takes.
bool IsolateGroup::WaitFor(Crew& crew, Deadline deadline) const {
  while (!crew.WaitUntil(deadline)) {
    if (!isolates_[0]->in_last_act()) return false;
    deadline = Clock::now() + kTick;
  }
  return true;
}

void IsolateGroup::HeedCaller(World& world) {
  const Status reason = options_.poll();
  if (reason.ok()) return;
  called_off_ = true;
  world.Abort(reason);
}

// Ranks that train end at the end of their step, by themselves.
void IsolateGroup::HeedSignals(World& world) {
  Interruption* const interruption = options_.interruption;
  if (interruption == nullptr) return;
  if (interruption->TakeReportRequest()) {
    streams_.WriteError(StatsTable(*journal_, PhaseClock()));
  }
  if (interruption->signal() == 0) return;
  if (!asked_to_end_) asked_to_end_ = Clock::now();
  if (!MayReachStepEnd(world)) world.Abort({Code::kAborted, "the run was interrupted", -1});
}

bool IsolateGroup::MayReachStepEnd(const World& world) const {
  bool exchanged = false, computing = false, ended = false;
  for (int rank = world.seats().first; rank < world.seats().end(); ++rank) {
    const PhaseLog& log = journal_->log(world.origin(rank));
    const Isolate& isolate = IsolateOf(world, rank);
    exchanged |= log.written() > 0;
    computing |= log.phase() != Phase::kOther && log.phase() != Phase::kWait;
    ended |= isolate.in_last_act() || isolate.ending();
  }
  return computing || ended || (exchanged && Clock::now() < *asked_to_end_ + kStepPatience);
}

// For users who expected that the run goes on.
std::string IsolateGroup::HealingNote() const {
  const OnFailure asked = options_.launch.on_failure;
  if (asked == OnFailure::kStop) return "";
  return RenderMessage("note",
                       std::string("--on-failure ") + NameOf(asked) +
                           " is for errors inside train-step! on some replicas, which the others "
                           "have come to know of; this was none, or could not be mended",
                       {options_.color});
}

std::vector<int> IsolateGroup::Unfinished() const {
  std::vector<int> ranks;
  for (int rank = first_; rank < first_ + options_.size; ++rank) {
    if (!FirstIsolate(rank).ending()) ranks.push_back(rank);
  }
  return ranks;
}

// The rank at fault speaks; nobody does where it is not one alone.
std::string IsolateGroup::Diagnose(const Status& status) const {
  const DiagnosticStyle style = {options_.color, status.rank};
  const auto world = LastWorld();
  if (!world->seats().Has(status.rank)) return Error(status.message, {options_.color});
  const std::optional<Ending> ending = IsolateOf(*world, status.rank).ending();
  if (!ending) return Error(status.message, style);
  if (ending->kind == Ending::Kind::kFailed) {
    const int rank = ending->in_all_ranks ? -1 : status.rank;
    return RenderError(*ending, ending->message, {options_.color, rank});
  }
  // A program that caught the error may have ended elsewhere. Since the collective at fault none
  // has begun, so it is the rank's last.
  const std::string at_fault = world->board().View(status.rank).site;
  if (status.code == Code::kDesync && ending->place() != at_fault) {
    return RenderMessage("error", status.message, at_fault, style);
  }
  return RenderError(*ending, status.message, style);
}

// The ranks that hang hold their memory and perhaps locks: nothing is destroyed.
void IsolateGroup::EndProcess(const std::string& report) {
  const Status reason = LastWorld()->board().reason();
  const bool interrupted = IsInterruption(reason);
  std::string text = interrupted ? "" : Diagnose(reason);
  const size_t said = reason.message.size() + 1;
  if (!interrupted && report.size() > said) text += report.substr(said) + "\n";
  streams_.FlushAll(kFlushTime);
  streams_.WriteError(text + StallReport(reason));
  options_.before_exit();
  _exit(interrupted ? options_.interruption->exit_code() : 1);
}

// Made when it is first asked for: later the ranks have gone on.
std::string IsolateGroup::StallReport(const Status& status) {
  if (status.code != Code::kStalled) return "";
  const int64_t now = PhaseClock();
  MutexLock lock(mu_);
  if (stall_report_.empty()) {
    stall_report_ = BlackBoxText(*journal_, now);
    if (!options_.stats_follow) stall_report_ += StatsTable(*journal_, now);
  }
  return stall_report_;
}

}  // namespace eta::parallel
