// Clerk: does one thing after another, on a thread of its own, for somebody who may stop waiting.
//
// Thread safety: one thread at a time.
#pragma once

#include <functional>
#include <memory>

#include "parallel/core/status.h"
#include "parallel/core/store/loose_thread.h"

namespace eta::parallel {

class Clerk {
 public:
  // What it uses it owns, or shares: it may go on for ever.
  using Task = std::function<Status()>;

  Clerk();
  ~Clerk();

  // How the task ends, or what `over` says before that, if it is not ok. Then the task goes on, and
  // the clerk must not be given another one.
  Status Do(Task task, const std::function<Status()>& over);

 private:
  struct Desk;

  const std::shared_ptr<Desk> desk_;
  const LooseThread thread_;
};

}  // namespace eta::parallel
