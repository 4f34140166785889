// IsolateGroup: runs one program on several isolates of this process, ranks of a world, to which
// other processes may contribute too.
//
//   IsolateGroup group({.size = 4}, streams);
//   IsolateGroup::Outcome outcome =
//       group.Run([](Vm& vm) { return vm.RunFile("train.eta"); });
//
// However a rank ends, the others end too, within seconds; what went wrong is said once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/world.h"
#include "parallel/isolate/core_sets.h"
#include "parallel/isolate/crew.h"
#include "parallel/isolate/interruption.h"
#include "parallel/isolate/isolate.h"
#include "parallel/isolate/rank_console.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/shared_streams.h"

namespace eta::parallel {

struct GroupOptions {
  int size = 1;                           // ranks of this process
  std::shared_ptr<Link> link;             // to other processes with more; null: there are none
  std::vector<Device> devices;            // of the ranks here; empty: the CPU for all
  std::shared_ptr<DeviceOps> device_ops;  // of those that are not the CPU; null: there are none
  std::vector<CoreSet> cores;             // that each rank here is bound to; empty: none is bound
  LaunchOptions launch;
  std::string backend = "auto";
  bool show_backend = false;  // on stderr, where it is worth a line
  OutputMode output = OutputMode::kFirst;
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds(30);
  // After the end of the world: how long programs may go on, to reach the collective that says so
  // and do what they want to do about it; and how long a rank may take to reach a safepoint.
  std::chrono::nanoseconds last_words = std::chrono::seconds(1);
  std::chrono::nanoseconds abort_deadline = std::chrono::seconds(1);
  bool color = false;         // of diagnostics
  bool stats_follow = false;  // whoever runs the group shows the ranks' table after a stall too
  Interruption* interruption = nullptr;  // null: nobody looks at signals
  // Called once before the process ends by force.
  std::function<void()> before_exit = [] {};
  // Where the ranks note their phases: of this size; null: in one of the group's own.
  std::shared_ptr<Journal> journal;
  // Asked by the thread that runs the group, about every 50 ms: if not ok, the group ends with that
  // reason, without last words.
  std::function<Status()> poll = [] { return Status{}; };

  // Makes the options of a rank's Vm, except for the console. Called on the ranks' threads.
  std::function<Vm::Options(int rank)> vm_options = [](int) { return Vm::Options{}; };
  // Defines what the program may use beyond the Vm's own builtins. Called on the ranks' threads.
  std::function<void(Vm& vm, int rank)> prepare = [](Vm&, int) {};
};

// Thread safety: one thread.
class IsolateGroup {
 public:
  struct Outcome {
    int exit_code = 0;
    std::string diagnostic;  // empty, or what to print: lines with their newlines
    Status status;           // why the exit code is not what the ranks wanted
    int size = 0;            // ranks that were there to the end
  };

  // `streams` outlives the group.
  IsolateGroup(GroupOptions options, SharedStreams& streams);
  ~IsolateGroup();
  IsolateGroup(const IsolateGroup&) = delete;
  IsolateGroup& operator=(const IsolateGroup&) = delete;

  // Once. Blocks until all ranks have ended and their output is flushed. A rank that cannot be
  // stopped ends the process: output is flushed, the diagnostic is printed, the status is 1.
  Outcome Run(const Program& program);

 private:
  Result<std::shared_ptr<World>> MakeWorld();
  std::unique_ptr<Vm> MakeVmOf(Member& member);
  void WaitForAll(Crew& crew);
  // In which the ranks are that have not been dropped.
  std::shared_ptr<World> LastWorld() const;
  // REQUIRES: the rank is one of this process.
  Isolate& IsolateOf(const World& world, int rank) const;
  Isolate& FirstIsolate(int rank) const;
  bool WaitFor(Crew& crew, Deadline deadline) const;
  void HeedSignals(World& world);
  void HeedCaller(World& world);
  bool MayReachStepEnd(const World& world) const;
  bool IsInterruption(const Status& status) const;
  bool HaveExitedForSignal() const;
  Outcome OutcomeOf(const World::Outcome& outcome);
  std::vector<int> Unfinished() const;
  std::string HealingNote() const;
  std::string Diagnose(const Status& status) const;
  // What the ranks did; empty if nobody stalled.
  std::string StallReport(const Status& status) EXCLUDES_LOCK(mu_);
  // `report`: the reason of the abort, and lines that say who did not stop.
  [[noreturn]] void EndProcess(const std::string& report);

  const GroupOptions options_;
  const int first_;              // rank
  const std::string directory_;  // where the ranks begin; empty: unknown
  SharedStreams& streams_;
  const std::shared_ptr<Journal> journal_;
  Mutex mu_;
  std::string stall_report_ GUARDED_BY(mu_);
  bool called_off_ = false;                         // by options_.poll
  std::optional<Deadline> asked_to_end_;            // when that was noticed
  std::vector<std::unique_ptr<Isolate>> isolates_;  // of the ranks here, in the first world
  std::shared_ptr<World> world_;                    // its supervisor uses the isolates
};

}  // namespace eta::parallel
