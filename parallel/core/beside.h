// Beside: a thread on which a rank's collectives go on while the rank computes. They begin in the
// order in which they were started, one after the other.
//
//   Beside beside(board, rank);
//   Work work = beside.Start([] { ... a collective of the rank ... }, bytes);
//   ... the rank computes ...
//   work.Wait(deadline);    // notes in the rank's log what went on meanwhile
//
// Until all works are done the thread has the rank's place at the board: the rank itself meets
// nobody.
//
// Thread safety: the rank's own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "parallel/core/board.h"
#include "parallel/core/work.h"

namespace eta::parallel {

class Beside {
 public:
  // The board outlives it.
  Beside(Board& board, int rank);
  // Waits for all that was started, as does giving up a work.
  ~Beside();
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  // `bytes`: what the collective exchanges, for the log.
  Work Start(std::function<Status()> collective, uint64_t bytes);

 private:
  class Pending;
  struct Task;
  struct Queue;

  void Run();
  Status StandIn(const Task& task);

  Board& board_;
  const int rank_;
  const std::unique_ptr<Queue> queue_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace eta::parallel
