// Isolate: one rank of a group: its Vm, and its seat in the world.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/world.h"
#include "parallel/isolate/ending.h"
#include "vm/vm.h"

namespace eta::parallel {

// Makes the Vm of a rank, ready to run the program. Called on the rank's thread.
using MakeVm = std::function<std::unique_ptr<Vm>(Member& member)>;
// Runs the program: Vm::RunFile or Vm::RunText, with the same result.
using Program = std::function<bool(Vm& vm)>;

// Thread safety: Run on the rank's thread, everything else on any thread.
class Isolate {
 public:
  explicit Isolate(int rank) : rank_(rank) {}
  Isolate(const Isolate&) = delete;
  Isolate& operator=(const Isolate&) = delete;

  // Takes the rank's seat, runs the program, tells the world how it ended and leaves. The Vm exists
  // in here only.
  void Run(const std::shared_ptr<World>& world, const MakeVm& make_vm, const Program& program);

  // At the next safepoint the rank publishes its place; or acknowledges that the world is over.
  void Interrupt() EXCLUDES_LOCK(mu_);
  // Ends the program at the next safepoint.
  void Terminate(const std::string& reason) EXCLUDES_LOCK(mu_);

  // Whether it runs what was given to on-interrupt, for which it may take its time.
  bool in_last_act() const { return in_last_act_.load(std::memory_order_relaxed); }

  // Null until the program has ended.
  std::optional<Ending> ending() const EXCLUDES_LOCK(mu_);

 private:
  bool EndProgram(Vm& vm, Member& member, bool finished);
  Ending RunProgram(Member& member, const MakeVm& make_vm, const Program& program);
  void Announce(Member& member, const Ending& ending);
  void Publish(Vm* vm) EXCLUDES_LOCK(mu_);
  void SetEnding(const Ending& ending) EXCLUDES_LOCK(mu_);

  const int rank_;
  std::atomic<bool> in_last_act_{false};
  mutable Mutex mu_;
  Vm* vm_ GUARDED_BY(mu_) = nullptr;  // while it runs
  std::optional<std::string> terminated_ GUARDED_BY(mu_);
  std::optional<Ending> ending_ GUARDED_BY(mu_);
};

}  // namespace eta::parallel
