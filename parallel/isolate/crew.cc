#include "parallel/isolate/crew.h"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
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
Roll* TakeOver(Roll* const& roll) {
  MutexLock lock(hand_over);
  return roll;
}

}  // namespace

// Shared with the tasks: one that gets its thread late may outlive the crew. There may be more
// tasks than places; those that come too late have nothing to do.
struct Crew::Roll {
  Roll(int crew_size, std::function<void(int)> crew_work)
      : size(crew_size), work(std::move(crew_work)) {}

  // One task, once.
  void Run() {
    if (const int index = Arrive(); index >= 0) {
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

  // Waits for the others; its place, or -1 if all are taken or the crew was given up.
  int Arrive() EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    if (given_up || arrived == size) return -1;
    const int index = arrived++;
    changed.NotifyAll();
    while (arrived < size && !given_up) changed.Wait(mu);
    return given_up ? -1 : index;
  }

  // False if not all have arrived by the deadline.
  bool WaitForArrivals(Deadline deadline) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    while (arrived < size) {
      if (!changed.WaitUntil(mu, deadline)) return arrived == size;
    }
    return true;
  }

  // Gives up unless all have arrived; whether they have.
  bool Decide() EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    given_up = arrived < size;  // nobody arrives afterwards
    changed.NotifyAll();
    return !given_up;
  }

  const int size;
  const std::function<void(int)> work;
  std::atomic<int> users{1};  // the crew and the tasks that have not ended
  mutable Mutex mu;
  CondVar changed;
  int arrived GUARDED_BY(mu) = 0;
  int finished GUARDED_BY(mu) = 0;
  bool given_up GUARDED_BY(mu) = false;
};

struct Crew::Arena {
  tbb::task_arena tasks;
};

Crew::Crew(int size, std::function<void(int)> work) : roll_(new Roll(size, std::move(work))) {
  ETA_CHECK(size >= 1 && size <= kMaxSize);
  AllowLargeCrews();
  Enlist(size);
}

void Crew::Enlist(int count) {
  arenas_.push_back(std::make_unique<Arena>(tbb::task_arena(count, /*reserved_for_masters=*/0)));
  MutexLock lock(hand_over);
  roll_->users += count;
  for (int i = 0; i < count; ++i) {
    arenas_.back()->tasks.enqueue([roll = roll_] { TakeOver(roll)->Run(); });
  }
}

Crew::~Crew() {
  if (Assemble(Clock::now())) {
    MutexLock lock(roll_->mu);
    while (roll_->finished < roll_->size) roll_->changed.Wait(roll_->mu);
  }
  roll_->Release();
}

// Where several threads make and leave arenas at the same time, oneTBB (2021.8) may forget that one
// needs threads, and more tasks in it change nothing. Another arena gets them.
bool Crew::Assemble(Deadline deadline) {
  auto patience = std::chrono::milliseconds(50);
  int before = assembled();
  while (!roll_->WaitForArrivals(std::min(deadline, Deadline(Clock::now() + patience)))) {
    if (Clock::now() >= deadline) break;
    const int now = assembled();
    if (std::exchange(before, now) != now) continue;
    Enlist(roll_->size - now);
    patience *= 2;
  }
  return roll_->Decide();
}

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
