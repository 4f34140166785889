#include "parallel/core/store/clerk.h"

#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

// How often `over` is asked.
constexpr std::chrono::milliseconds kTick{5};

}  // namespace

struct Clerk::Desk {
  Mutex mu;
  CondVar changed;
  Task task GUARDED_BY(mu);  // null: nothing to do, or it has been taken
  std::optional<Status> result GUARDED_BY(mu);
  bool closed GUARDED_BY(mu) = false;

  std::optional<Task> Take() EXCLUDES_LOCK(mu);
  void Put(Status status) EXCLUDES_LOCK(mu);
  void Work();
};

Clerk::Clerk() : desk_(std::make_shared<Desk>()), thread_([desk = desk_] { desk->Work(); }) {}

Clerk::~Clerk() {
  MutexLock lock(desk_->mu);
  desk_->closed = true;
  desk_->changed.NotifyAll();
}

Status Clerk::Do(Task task, const std::function<Status()>& over) {
  MutexLock lock(desk_->mu);
  desk_->result.reset();
  desk_->task = std::move(task);
  desk_->changed.NotifyAll();
  while (!desk_->result) {
    if (desk_->changed.WaitUntil(desk_->mu, Clock::now() + kTick)) continue;
    if (Status given_up = over(); !given_up.ok()) return given_up;
  }
  return *desk_->result;
}

// Nothing: the clerk is not needed any more.
std::optional<Clerk::Task> Clerk::Desk::Take() {
  MutexLock lock(mu);
  while (!task && !closed) changed.Wait(mu);
  if (closed) return std::nullopt;
  return std::exchange(task, nullptr);
}

void Clerk::Desk::Put(Status status) {
  MutexLock lock(mu);
  result = std::move(status);
  changed.NotifyAll();
}

void Clerk::Desk::Work() {
  while (auto next = Take()) Put((*next)());
}

}  // namespace eta::parallel
