// Courier: keeps the boards of a job's processes up to date about each other's ranks, outside of
// meetings, from a thread of its own: how the ranks here are goes to all others several times per
// second, and at once when that is news; so does an abort.
//
// Thread safety: any thread.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/core/board.h"
#include "parallel/core/link/letters.h"
#include "parallel/core/link/link.h"
#include "parallel/core/work.h"

namespace eta::parallel {

class Courier {
 public:
  // `board` and `link` outlive the courier. `ask_place` is as in SupervisorOptions, for ranks here.
  Courier(Board& board, Link& link, std::function<void(int rank)> ask_place);
  // Ends it without telling anybody.
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // Asks the process of a rank that is elsewhere to have it publish its place.
  void AskPlace(int rank);

  // When all ranks here have left: waits for those of all other processes, or an abort.
  void AwaitOthers();
  // After an abort: waits until all others that are not silent know, for at most `patience`.
  void AwaitFarewell(std::chrono::nanoseconds patience);

 private:
  void Run();
  void SendNews(Deadline now);
  void SendToAll(const std::string& letter);
  bool IsNews(const std::vector<RankView>& views) const;
  // Whether this is true of the ranks of all other processes.
  template <class F>
  bool AllOthers(const F& is_true) const;

  Board& board_;
  Link& link_;
  const LetterReader reader_;
  std::vector<RankView> told_;  // of the ranks here
  Deadline told_at_{};
  bool told_abort_ = false;
  std::atomic<bool> stopping_{false};
  std::vector<std::atomic<bool>> asked_;  // by rank: AskPlace, to be sent
  std::thread thread_;                    // last: it uses the rest
};

}  // namespace eta::parallel
