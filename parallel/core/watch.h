// Watch: judges from the board whether the ranks still get on. It starts no thread and takes the
// time as an argument, so that it can be tested without waiting.
//
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/core/board.h"
#include "parallel/core/work.h"

namespace eta::parallel {

// The first rank whose process has been silent for too long (parallel/core/silence.h), or -1. One
// that has not started yet has sent no letters either, and gets the whole stall time. Who has asked
// for more time gets it here, too. Processes go on writing until all ranks have left.
int FirstLost(std::span<const RankView> ranks);

class Watch {
 public:
  struct Verdict {
    std::optional<Status> abort;         // the world cannot go on
    std::optional<std::string> warning;  // somebody waits for long; said once per wait
    std::vector<int> ask_place;          // ranks that are waited for and should publish their place
  };

  explicit Watch(const Board& board);

  // Looks at all ranks. A rank is waited for from the first look that saw another one waiting.
  Verdict Look(Deadline now);

 private:
  // A wait that a former look saw.
  struct Wait {
    uint64_t sequence = 0;
    Deadline since;
    bool active = false;
    bool warned = false;
  };

  void Remember(const std::vector<RankView>& ranks, Deadline now);
  // Whether somebody waits or not.
  std::optional<Status> FindLoss(const std::vector<RankView>& ranks, Deadline now) const;
  // The rank that waits in the latest collective, or -1. Those that wait in an earlier one have
  // only not woken up yet.
  int Foremost(const std::vector<RankView>& ranks) const;
  std::optional<Status> FindDeparture(const std::vector<RankView>& ranks) const;
  void JudgeWait(const std::vector<RankView>& ranks, int waiter, Deadline now, Verdict& verdict);

  const Board& board_;
  std::vector<Wait> waits_;  // by rank
};

}  // namespace eta::parallel
