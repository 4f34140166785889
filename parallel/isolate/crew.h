// Crew: runs a function on several threads that may wait for each other. Each call is one task of
// a oneTBB arena; oneTBB does not promise to run tasks at the same time, so none of them starts to
// work before all are on a thread.
//
//   Crew crew(4, [&](int index) { ... });
//   if (!crew.Assemble(deadline)) return ...;  // the function was not called and will not be
//   crew.WaitUntil(deadline);
//
// Thread safety: the thread that made it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "parallel/core/work.h"

namespace eta::parallel {

class Crew {
 public:
  // No crew is larger.
  static constexpr int kMaxSize = 256;

  // REQUIRES: 1 <= size <= kMaxSize. `work` must not throw.
  Crew(int size, std::function<void(int index)> work);
  // Waits for the calls; gives up if not all are on a thread yet.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Waits until all are on a thread. If they are not by the deadline, gives up: false.
  bool Assemble(Deadline deadline);
  // How many got a thread so far.
  int assembled() const;

  // Waits until all calls have returned; false if the deadline came first.
  bool WaitUntil(Deadline deadline);

 private:
  struct Arena;
  struct Roll;

  void Enlist(int count);

  Roll* const roll_;
  std::vector<std::unique_ptr<Arena>> arenas_;
};

}  // namespace eta::parallel
