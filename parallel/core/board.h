// Board: what the ranks of one world share. Per rank a few cache lines of atomics (state, position,
// pending collective, place in the script), and the gate where they meet.
//
// A rank's own thread calls the functions that take its rank; a watcher reads everything through
// View, at any time, without delaying anybody.
//
// Each process of a job has a board of its own. At a meeting the link between them brings what the
// ranks of other processes say; what is known of these otherwise comes by SetRemote.
//
// Thread safety: Meet*, Lead, Finish, Sync*, Release, Peer, Waiting, Join, Set*, Leave* and
// Acknowledge for rank r of this process from r's thread only, but for its Substitute; SetRemote
// from one thread; everything else from any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/communicator.h"
#include "parallel/core/gate.h"
#include "parallel/core/phase_log.h"
#include "parallel/core/published.h"
#include "parallel/core/seats.h"
#include "parallel/core/signature.h"
#include "parallel/core/silence.h"
#include "parallel/core/status.h"

namespace eta::parallel {

class Link;

enum class RankState : uint8_t {
  kAbsent,    // has not joined yet
  kRunning,   // in its own code
  kWaiting,   // in a collective
  kReturned,  // its program came to its end
  kExited,    // its program called exit
  kFailed,    // its program failed
};

constexpr bool HasStarted(RankState state) { return state != RankState::kAbsent; }
constexpr bool HasLeft(RankState state) { return state >= RankState::kReturned; }

// What one rank tells the others when they meet. 128 bytes also hold an NCCL id.
struct alignas(16) Record {
  static constexpr size_t kBytes = 128;
  std::array<std::byte, kBytes> bytes;
};

// One rank as others see it; members may stem from slightly different moments.
struct RankView {
  RankState state;
  bool acknowledged;  // has noticed the abort
  int exit_code;      // of kExited
  uint64_t sequence;  // collectives entered so far
  uint64_t step;      // training step, as the rank set it
  std::chrono::nanoseconds stall_timeout;
  Signature signature;  // of the last collective
  std::string site;     // of the last collective
  std::string place;    // last known place in the script, or empty
  // Of a rank of another process: since that was last heard of; and if it is silent which it is,
  // "process 1 on node7".
  std::chrono::nanoseconds silence{0};
  std::string process;

  // Whether its process, which writes several times per second, is likely to be in trouble. What
  // is known of the rank may be out of date.
  bool silent() const {
    return silence >=
           std::min<std::chrono::nanoseconds>(std::chrono::seconds(1), SilenceLimit(stall_timeout));
  }
};

class Board {
 public:
  // `cores` are those that the ranks here may use. `journal` is of the ranks that are here; null:
  // one of its own. `link` outlives the board; null: all ranks are here.
  Board(Seats seats, std::chrono::nanoseconds stall_timeout, int cores,
        std::shared_ptr<Journal> journal = nullptr, Link* link = nullptr);
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  int size() const { return seats_.size; }
  const Seats& seats() const { return seats_; }

  // --- meeting -----------------------------------------------------------------------------------

  // Publishes `bytes` of `record` and waits until all ranks have come with a signature that agrees.
  // Afterwards Peer gives the records, until this rank meets again. The ranks either all get ok or
  // none does. If the waiting exceeds the stall timeout by far (no watcher saw to it), kStalled.
  Status Meet(int rank, const Signature& signature, Site site, const void* record, size_t bytes);

  // How many of the ranks here have a core each.
  int workers() const { return workers_; }

  // Like Meet, for what so many of the ranks, those that come last, do for all: the others get ok
  // only when these workers, who get it as in Meet, have called Release. What peers show may be
  // read by these until then, by the others never. REQUIRES: all ranks are here, and all or none
  // call this.
  Status MeetForWork(int rank, const Signature& signature, Site site, const void* record,
                     size_t bytes);

  // After an ok MeetForWork: which part of the work is the rank's, in [0, workers()); -1: none.
  int PartOf(int rank) const { return lines_[rank].part; }

  // Between MeetForWork and Release: waits until all workers have called it.
  void SyncWorkers(int rank);

  // After an ok MeetForWork, by each worker: waits until all of them are done, as Finish does.
  void Release(int rank);

  // The record of `peer` in the meeting that `rank` was in last. REQUIRES: that Meet was ok.
  const std::byte* Peer(int rank, int peer) const;
  template <class T>
  T Peer(int rank, int peer) const {
    T value;
    std::memcpy(static_cast<void*>(&value), Peer(rank, peer), sizeof(T));
    return value;
  }

  // After an ok Meet: waits for the ranks of this process. All or none of them get ok, else the
  // reason of the abort.
  Status MeetHere(int rank);

  // When all ranks here have met: the first of them does the transfer, which ends when the world is
  // aborted, and all wait for its end and get its outcome. That counts, whatever has happened to
  // the world meanwhile: another process may have gone on by it, and failed then.
  template <class Transfer>
  Status Lead(int rank, const Transfer& transfer) {
    if (rank == seats_.first) NoteLed(transfer());
    return EndLed(rank);
  }

  // After an ok Meet in which the ranks of this process touch each other's memory: waits until all
  // are done with it. Every rank that met calls it, after bounded work that cannot fail.
  void Finish(int rank);

  // While it lives, the rank counts as waiting in its last collective, which a device carries out:
  // the watcher sees to it that this ends.
  class Waiting {
   public:
    Waiting(Board& board, int rank);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Board& board_;
    const int rank_;
  };

  // While it lives, made on another thread, that one meets others in the rank's place. The rank's
  // log has one writer, so what goes on here is not noted there; and if it notices an abort, the
  // rank itself has not done so yet.
  class Substitute {
   public:
    Substitute(Board& board, int rank);
    ~Substitute();
    Substitute(const Substitute&) = delete;
    Substitute& operator=(const Substitute&) = delete;

   private:
    Board& board_;
    const int rank_;
  };

  // Where to note what the thread that meets others for the rank does; null: nowhere.
  PhaseLog* LogAtMeetings(int rank);

  // --- what a rank tells about itself ------------------------------------------------------------

  // False if the rank has joined before.
  bool Join(int rank);
  void SetStep(int rank, uint64_t step);
  void SetPlace(int rank, Site place);
  void SetStallTimeout(int rank, std::chrono::nanoseconds timeout);

  void LeaveReturned(int rank);
  void LeaveExited(int rank, int code);
  // Also aborts the world with kPeerFailed, so that the others leave their waits at once.
  void LeaveFailed(int rank, const std::string& message);

  // --- the end of the world ---------------------------------------------------------------------

  // The first reason wins. Everyone leaves the gate, and nobody passes it any more.
  void Abort(const Status& reason) EXCLUDES_LOCK(mu_);

  bool aborted() const { return gate_.closed(); }

  // Ok, or the reason of the abort.
  Status reason() const EXCLUDES_LOCK(mu_);

  // As `reason`, and notes that `rank` has noticed.
  Status Acknowledge(int rank);

  // A failure on `rank` ends the world; what comes out is why that ended. One without a rank is
  // this one's.
  Status EndBy(int rank, Status failure) EXCLUDES_LOCK(mu_);

  // Sleeps until the world is aborted, `Interrupt` is called or the time is up; true if aborted.
  bool SleepUntilAborted(std::chrono::nanoseconds time) EXCLUDES_LOCK(mu_);
  void InterruptSleep() EXCLUDES_LOCK(mu_);

  // What another process says of a rank of its own; its silence is of no account.
  void SetRemote(int rank, const RankView& view);

  // The ranks of this process leave once each; one that never joins has to leave as well.
  bool AllLeft() const EXCLUDES_LOCK(mu_);
  void WaitUntilAllLeft() EXCLUDES_LOCK(mu_);

  // --- the watcher's side -----------------------------------------------------------------------

  // Waiting in Meet and Finish is noted there.
  PhaseLog& log(int rank) { return journal_->log(rank); }
  const Journal& journal() const { return *journal_; }

  RankView View(int rank) const;
  std::vector<RankView> ViewAll() const;

 private:
  struct Call {
    Signature signature;
    Text site;
  };
  struct alignas(64) Slot {
    Signature signature;
    Record record;
    Text site;  // of a rank of another process; others have it in their line
  };
  struct alignas(64) Line {
    std::atomic<RankState> state{RankState::kAbsent};
    std::atomic<bool> acknowledged{false};
    std::atomic<int> exit_code{0};
    std::atomic<uint64_t> sequence{0};
    std::atomic<uint64_t> step{0};
    std::atomic<int64_t> stall_timeout_ns{0};
    std::atomic<int64_t> heard_ns{0};  // by Clock, of a rank of another process
    Published<Call> call;
    Published<Text> place;
    bool substituted = false;  // of whoever meets others for the rank
    int part = -1;             // PartOf
    // Used in turn: a rank that is one meeting ahead does not overwrite what slower ones still
    // read. It cannot be two ahead. Plain memory: the gate orders the accesses.
    Slot slots[2];
  };

  // To be asked by the rank itself: only that writes it.
  uint64_t SequenceOf(int rank) const {
    return lines_[rank].sequence.load(std::memory_order_relaxed);
  }
  Slot& SlotOf(int rank, uint64_t sequence) const { return lines_[rank].slots[sequence % 2]; }
  Status NoticeAbort(int rank);
  Gate::Ticket Arrive(int rank, const Signature& signature, Site site, const void* record,
                      size_t bytes);
  // How a rank waits at the gate.
  using GateWait = Gate::Passage (Gate::*)(Gate::Ticket, std::chrono::nanoseconds);
  Status Pass(int rank, Gate::Ticket ticket, GateWait wait = &Gate::Await);
  Status EndMeeting(int rank, Gate::Ticket ticket, Status status);
  void NoteLed(const Status& status);
  Status EndLed(int rank);
  Status ExchangeSlots(uint64_t sequence);
  Status CompareSignatures(int rank, Gate::Ticket ticket);
  std::vector<RankView> ViewsInMeeting(uint64_t sequence) const;
  void Leave(int rank, RankState state) EXCLUDES_LOCK(mu_);

  const Seats seats_;
  const int workers_;
  Link* const link_;
  const std::unique_ptr<Line[]> lines_;
  const std::shared_ptr<Journal> journal_;
  Gate gate_, workers_gate_;
  bool led_well_ = false;  // by the first rank here; the gate orders the accesses

  mutable Mutex mu_;
  CondVar changed_;
  Status reason_ GUARDED_BY(mu_);
  bool interrupted_ GUARDED_BY(mu_) = false;
  int left_ GUARDED_BY(mu_) = 0;
};

}  // namespace eta::parallel
