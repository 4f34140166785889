// LooseThread: a thread that may be caught in a call which does not come back. Then it is left to
// itself.
#pragma once

#include <functional>
#include <future>
#include <thread>

namespace eta::parallel {

class LooseThread {
 public:
  // What `body` uses it owns, or shares.
  explicit LooseThread(std::function<void()> body);
  // Waits for a moment, as Await. Whoever has it sees to it that it wants to end.
  ~LooseThread();
  LooseThread(const LooseThread&) = delete;
  LooseThread& operator=(const LooseThread&) = delete;

  // Whether it has ended, which is waited for for a moment.
  bool Await() const;

 private:
  std::future<void> ended_;
  std::thread thread_;
};

}  // namespace eta::parallel
