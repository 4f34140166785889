// Time slices: how long the kernel lets a thread run while others wait for its core.
#pragma once

#include <chrono>

namespace eta::parallel {

// Longer than a step of a model of middle size takes. Where replicas share a core, one that is
// interrupted in its step finds its data out of the cache afterwards.
inline constexpr std::chrono::milliseconds kLongTimeSlice{20};

// While it lives, the calling thread, and those that it starts, ask for that. The kernel gives way
// to threads that ask for less, and those that ask for nothing do. Before Linux 6.12, and for
// threads of another scheduling policy than the usual one, nothing happens.
//
// Thread safety: made and destroyed by the same thread.
class LongTimeSlice {
 public:
  LongTimeSlice();
  ~LongTimeSlice();
  LongTimeSlice(const LongTimeSlice&) = delete;
  LongTimeSlice& operator=(const LongTimeSlice&) = delete;
};

// What the calling thread asks for; zero if the kernel does not say.
std::chrono::nanoseconds TimeSlice();

}  // namespace eta::parallel
