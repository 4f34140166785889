#include "parallel/isolate/crew.h"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"

namespace eta::parallel {
namespace {

constexpr size_t kStackBytes = size_t{8} << 20;  // what the main thread usually has

// Limits of the whole process; where several are set the smallest counts, so they are set once, for
// the largest crew there may be. Threads are only made as arenas need them. Never destroyed: tasks
// may still run when static objects go.
void AllowLargeCrews() {
  using tbb::global_control;
  [[gnu::used]] static const auto* const parallelism =  // else leak checkers find it lost
      new global_control(global_control::max_allowed_parallelism, Crew::kMaxSize + 1);
  [[gnu::used]] static const auto* const stack =
      new global_control(global_control::thread_stack_size, kStackBytes);
}

// Tasks are made and taken over under this lock. oneTBB orders the two as well, but is usually not
// built so that ThreadSanitizer could see it, and what follows should be checked.
Mutex hand_over;

template <class Roll>
std::pair<Roll*, int> TakeOver(Roll* const& roll, const int& index) {
  MutexLock lock(hand_over);
  return {roll, index};
}

}  // namespace

// Shared with the tasks: one that gets its thread late may outlive the crew.
struct Crew::Roll {
  Roll(int crew_size, std::function<void(int)> crew_work)
      : size(crew_size), work(std::move(crew_work)), users(crew_size + 1) {}

  // One task, once.
  void Run(int index) {
    if (Arrive()) {
      work(index);
      MutexLock lock(mu);
      ++finished;
      changed.NotifyAll();
    }
    Release();
  }

  void Release() {
    // Both: what others did with it comes before its end.
    if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // Waits for the others; false if the crew was given up.
  bool Arrive() EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    if (given_up) return false;
    ++arrived;
    changed.NotifyAll();
    while (arrived < size && !given_up) changed.Wait(mu);
    return !given_up;
  }

  bool WaitForArrivals(Deadline deadline) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    while (arrived < size && !given_up) {
      if (!changed.WaitUntil(mu, deadline)) given_up = arrived < size;
    }
    changed.NotifyAll();
    return !given_up;
  }

  const int size;
  const std::function<void(int)> work;
  std::atomic<int> users;  // the crew and the tasks that have not ended
  mutable Mutex mu;
  CondVar changed;
  int arrived GUARDED_BY(mu) = 0;
  int finished GUARDED_BY(mu) = 0;
  bool given_up GUARDED_BY(mu) = false;
};

struct Crew::Arena {
  tbb::task_arena tasks;
};

Crew::Crew(int size, std::function<void(int)> work)
    : roll_(new Roll(size, std::move(work))),
      arena_(new Arena{tbb::task_arena(size, /*reserved_for_masters=*/0)}) {
  ETA_CHECK(size >= 1 && size <= kMaxSize);
  AllowLargeCrews();
  MutexLock lock(hand_over);
  for (int index = 0; index < size; ++index) {
    arena_->tasks.enqueue([roll = roll_, index] {
      const auto [my_roll, my_index] = TakeOver(roll, index);
      my_roll->Run(my_index);
    });
  }
}

Crew::~Crew() {
  if (Assemble(Clock::now())) {
    MutexLock lock(roll_->mu);
    while (roll_->finished < roll_->size) roll_->changed.Wait(roll_->mu);
  }
  roll_->Release();
}

bool Crew::Assemble(Deadline deadline) { return roll_->WaitForArrivals(deadline); }

int Crew::assembled() const {
  MutexLock lock(roll_->mu);
  return roll_->arrived;
}

bool Crew::WaitUntil(Deadline deadline) {
  MutexLock lock(roll_->mu);
  while (roll_->finished < roll_->size) {
    if (!roll_->changed.WaitUntil(roll_->mu, deadline)) return roll_->finished == roll_->size;
  }
  return true;
}

}  // namespace eta::parallel
