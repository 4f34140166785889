#include "parallel/core/beside.h"

#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace eta::parallel {

struct Beside::Task {
  std::function<Status()> collective;
  PhaseRecord record;
  std::optional<Status> outcome;
};

struct Beside::Queue {
  Mutex mu;
  CondVar changed;
  std::deque<std::shared_ptr<Task>> tasks GUARDED_BY(mu);
  bool closed GUARDED_BY(mu) = false;

  void Put(std::shared_ptr<Task> task) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    tasks.push_back(std::move(task));
    changed.NotifyAll();
  }

  // Null: there will be none any more.
  std::shared_ptr<Task> Take() EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    while (tasks.empty() && !closed) changed.Wait(mu);
    if (tasks.empty()) return nullptr;
    std::shared_ptr<Task> task = std::move(tasks.front());
    tasks.pop_front();
    return task;
  }

  void Close() EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    closed = true;
    changed.NotifyAll();
  }

  void Finish(Task& task, Status outcome, int64_t begin_ns) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    task.outcome = std::move(outcome);
    task.record.begin_ns = begin_ns;
    task.record.end_ns = PhaseClock();
    changed.NotifyAll();
  }

  bool IsOver(const Task& task) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    return task.outcome.has_value();
  }

  // Whether it is there in time.
  bool AwaitOutcome(const Task& task, Deadline deadline) EXCLUDES_LOCK(mu) {
    MutexLock lock(mu);
    while (!task.outcome) {
      if (deadline == Deadline::max()) {
        changed.Wait(mu);
      } else if (!changed.WaitUntil(mu, deadline)) {
        break;
      }
    }
    return task.outcome.has_value();
  }
};

class Beside::Pending final : public PendingWork {
 public:
  Pending(Beside& beside, std::shared_ptr<Task> task) : beside_(beside), task_(std::move(task)) {}
  ~Pending() override { (void)beside_.queue_->AwaitOutcome(*task_, Deadline::max()); }

  bool Done() override { return beside_.queue_->IsOver(*task_); }

  Status Wait(Deadline deadline) override {
    PhaseLog& log = beside_.board_.log(beside_.rank_);
    {
      const PhaseScope waiting(&log, Phase::kWait);
      if (!beside_.queue_->AwaitOutcome(*task_, deadline)) {
        return {Code::kStalled, "the collective still runs", -1};
      }
    }
    // The thread is done with the task.
    const Status& outcome = *task_->outcome;
    if (outcome.ok() && !std::exchange(noted_, true)) log.Add(task_->record);
    const bool over = !outcome.ok() && beside_.board_.aborted();
    return over ? beside_.board_.Acknowledge(beside_.rank_) : outcome;
  }

  Status Join() override { return Wait(Deadline::max()); }

 private:
  Beside& beside_;
  const std::shared_ptr<Task> task_;
  bool noted_ = false;
};

Beside::Beside(Board& board, int rank)
    : board_(board), rank_(rank), queue_(std::make_unique<Queue>()), thread_([this] { Run(); }) {}

Beside::~Beside() {
  queue_->Close();
  thread_.join();
}

Work Beside::Start(std::function<Status()> collective, uint64_t bytes) {
  auto task = std::make_shared<Task>(Task{.collective = std::move(collective)});
  const PhaseLog& log = board_.log(rank_);
  task->record = {
      .phase = Phase::kReduce, .part = log.now().part, .step = log.step(), .bytes = bytes};
  auto pending = std::make_unique<Pending>(*this, task);
  queue_->Put(std::move(task));
  return Work(std::move(pending));
}

// Without this rank nobody can go on.
Status Beside::StandIn(const Task& task) {
  const Board::Substitute substitute(board_, rank_);
  try {
    return task.collective();
  } catch (const std::exception& e) {
    Status status{Code::kPeerFailed,
                  "rank " + std::to_string(rank_) + " could not exchange data: " + e.what(), rank_};
    board_.Abort(status);
    return status;
  }
}

void Beside::Run() {
  while (const auto task = queue_->Take()) {
    const int64_t begin = PhaseClock();
    queue_->Finish(*task, StandIn(*task), begin);
  }
}

}  // namespace eta::parallel
