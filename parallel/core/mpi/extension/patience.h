// How to wait for something that has to be asked for.
#pragma once

#include <sched.h>

#include <chrono>
#include <thread>

namespace eta::parallel {

// At first it comes back at once, since other processes are usually microseconds away; then it
// offers the core to others, one of which may be waited for; then it sleeps for a while each time.
class Patience {
 public:
  void Wait() {
    ++turns_;
    if (turns_ < kSpins) return;
    if (turns_ < kSpins + kYields) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(kSleep);
    }
  }
  // Now and then: whether this is a time for what is slow to ask.
  bool MayAsk() const { return turns_ % 64 == 0 || turns_ >= kSpins + kYields; }

 private:
  static constexpr int kSpins = 200;
  static constexpr int kYields = 2000;  // about a millisecond
  static constexpr std::chrono::microseconds kSleep{50};

  int turns_ = 0;
};

}  // namespace eta::parallel
