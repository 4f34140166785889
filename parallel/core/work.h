// Work: a collective that was started. On a device it may still run; with a null stream it is
// complete when the call returns, and then costs no allocation.
//
// Thread safety: none; the rank that started the collective owns it. Dropping a Work that is not
// done is allowed: the buffers must stay valid until the world has aborted or the stream has
// passed.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include "parallel/core/status.h"

namespace eta::parallel {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// What a backend with streams implements.
class PendingWork {
 public:
  virtual ~PendingWork() = default;

  // True once the outcome is known; then Wait returns at once.
  virtual bool Done() = 0;

  // Blocks until the outcome is known or the deadline has passed (kStalled).
  virtual Status Wait(Deadline deadline) = 0;

  // What is enqueued on the buffers' stream from now on comes after the collective.
  virtual Status Join() = 0;
};

class [[nodiscard]] Work {
 public:
  explicit Work(Status outcome) : status_(std::move(outcome)) {}
  explicit Work(std::unique_ptr<PendingWork> pending) : pending_(std::move(pending)) {}

  bool Done() { return pending_ == nullptr || pending_->Done(); }

  const Status& Wait(Deadline deadline) {
    if (pending_ != nullptr) {
      status_ = pending_->Wait(deadline);
      if (pending_->Done()) pending_.reset();
    }
    return status_;
  }

  // Makes the buffers' stream wait for the collective, while the host goes on; not ok only if that
  // cannot be enqueued. Before this and Wait the stream must not touch the buffers.
  Status Join() { return pending_ == nullptr ? status_ : pending_->Join(); }

  // The outcome. REQUIRES: Done(), and Wait was called if the work was pending.
  const Status& status() const { return status_; }

 private:
  Status status_;
  std::unique_ptr<PendingWork> pending_;
};

// Waits for the end of all; the first that went wrong is the outcome. The others are waited for all
// the same, as they may still be at their buffers.
inline Status WaitForAll(std::span<Work> works) {
  Status outcome;
  for (Work& work : works) {
    const Status& status = work.Wait(Deadline::max());
    if (outcome.ok()) outcome = status;
  }
  return outcome;
}

}  // namespace eta::parallel
