// World: a set of ranks, threads of this process, that run collectives together. Member: one rank's
// seat in it, through which the rank does and reports everything. Where the ranks are in several
// processes, each of these has a World for all of them.
//
//   auto world = World::Create({.devices = std::vector<Device>(2)});       // the parent
//   auto member = World::Join(*world, rank);                              // on each rank's thread
//   (*member)->communicator().AllReduce(buffer, ReduceOp::kSum, site);
//   (*member)->Return();
//   World::Outcome outcome = (*world)->Wait();                            // the parent
//
// Ranks may go on without some others: they move on to a world of their own, the successor of the
// one in which they were.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/backends.h"
#include "parallel/core/board.h"
#include "parallel/core/communicator.h"
#include "parallel/core/link/courier.h"
#include "parallel/core/supervisor.h"

namespace eta::parallel {

struct WorldOptions {
  std::vector<Device> devices = {Device{}};  // one per rank of this process
  std::shared_ptr<Link> link;                // to the other processes; null: there are none
  std::string backend = "auto";
  std::shared_ptr<DeviceOps> device_ops;  // for devices other than the CPU; null: there are none
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds(30);
  int cores = 0;                     // usable by the ranks; 0 means as many as the process may use
  std::shared_ptr<Journal> journal;  // of the ranks here; null: one of its own
  // A world of one has no supervisor. `abort_backends` is set by the world.
  SupervisorOptions supervisor;
};

class Member;

// Thread safety: all functions may be called from any thread.
class World {
 public:
  struct Outcome {
    Status status;  // not ok: the world was aborted, or the ranks' exit codes differ
    int exit_code;  // 1 if not ok, else what all ranks exited with (0 for a return)
  };

  static Result<std::shared_ptr<World>> Create(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int size() const { return board_.size(); }
  const Seats& seats() const { return board_.seats(); }
  // The number that the rank had in the first world of all.
  int origin(int rank) const { return origins_[static_cast<size_t>(rank)]; }
  // Null: nobody has moved on.
  std::shared_ptr<World> successor() const EXCLUDES_LOCK(mu_);
  const char* backend() const { return backend_->name; }
  // What the user should know about the backend, in one line; or empty.
  std::string notice() const {
    return backend_->notice == nullptr ? "" : backend_->notice(PlacesOf(options_));
  }
  // What ranks exchange data with, where the user may want to know its version; or empty.
  std::string about() const {
    return backend_->about == nullptr ? "" : backend_->about(PlacesOf(options_));
  }
  Board& board() { return board_; }

  // Takes the seat of `rank`; on the rank's own thread, once per rank. Backends may wait in it for
  // the other ranks to join. A rank that could not start, or that found the world over, has left.
  static Result<std::unique_ptr<Member>> Join(const std::shared_ptr<World>& world, int rank);

  // Ends the world and its successors from outside. Safe to call at any time, also twice.
  void Abort(const Status& reason) EXCLUDES_LOCK(mu_);

  // Blocks until all ranks have left, also those of other processes, and those of the successors.
  // Every rank here either joins and leaves, or is given up with `GiveUpRank`. The outcome is that
  // of the last world.
  Outcome Wait();

  // The rank will never join (its thread could not be started). Aborts the world.
  void GiveUpRank(int rank, const std::string& why);

 private:
  friend class Member;

  World(WorldOptions options, const Backend* backend, std::vector<int> origins);
  // Of these ranks, in this order; made when the first of them asks, the same for all.
  Result<std::shared_ptr<World>> MakeSuccessor(std::span<const int> staying) EXCLUDES_LOCK(mu_);
  WorldOptions OptionsFor(std::span<const int> staying) const;
  void UnblockBackends() EXCLUDES_LOCK(mu_);
  void ReleaseIfAllLeft() EXCLUDES_LOCK(mu_);

  static Places PlacesOf(const WorldOptions& options);
  Outcome OutcomeOfAll() const;
  void PartFromOthers();

  const WorldOptions options_;
  const Backend* const backend_;
  const std::vector<int> origins_;  // by rank
  Board board_;
  mutable Mutex mu_;
  std::shared_ptr<World> successor_ GUARDED_BY(mu_);
  std::vector<std::shared_ptr<Communicator>> communicators_ GUARDED_BY(mu_);
  std::unique_ptr<Courier> courier_;        // null: all ranks are here
  std::unique_ptr<Supervisor> supervisor_;  // last: it stops before what it watches goes away
};

// Thread safety: the rank's own thread.
class Member {
 public:
  // A member that never said how it ended has failed; the others are told so.
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  int rank() const { return rank_; }
  int size() const { return world_->size(); }
  World& world() { return *world_; }
  Communicator& communicator() { return *communicator_; }
  // For host memory, whatever the rank's device.
  Communicator& host_communicator() { return *host_communicator_; }
  PhaseLog& log() { return board().log(rank_); }

  // Every rank gives a small record and gets everybody's, by rank; as cheap as a barrier, and all
  // or none of the ranks succeed. `name` is what messages call it; it has static storage.
  //
  //   Settle all[kMaxRanks];
  //   Status s = member.Exchange("train-step!", mine, std::span(all, size), site);
  template <class T>
  Status Exchange(const char* name, const T& mine, std::span<T> all, Site site) {
    return ExchangeBy(&Board::Meet, name, mine, all, site);
  }

  // The same by Board::MeetForWork.
  template <class T>
  Status ExchangeForWork(const char* name, const T& mine, std::span<T> all, Site site) {
    return ExchangeBy(&Board::MeetForWork, name, mine, all, site);
  }

  // After an Exchange in which the ranks look at each other's memory: waits until all are done with
  // that. Every rank that exchanged calls it, after bounded work that cannot fail.
  void EndExchange() { board().Finish(rank_); }

  void SetStep(uint64_t step) { board().SetStep(rank_, step); }
  // The rank's place in its script, for reports; at slow points and when asked for.
  void SetPlace(Site place) { board().SetPlace(rank_, place); }

  // For safepoints: ok, or the reason why the world is over, which counts as noticed from here on.
  Status Poll() { return board().aborted() ? board().Acknowledge(rank_) : Status{}; }

  bool left() const { return left_; }

  // Goes on in the successor of its world, which consists of these ranks; all of them call it, with
  // the same list, in which this one is. It waits for them as Join does. Every reference to this
  // member stays good; its rank, size, world and communicator are others from now on. Not ok: both
  // worlds are over.
  Status MoveOn(std::span<const int> staying);

  // How the rank's program ended: exactly one of these, last. Place: where it was.
  void Return();
  void Exit(int code, Site place);
  // "rank 1 failed at PLACE: MESSAGE" is what the other ranks get to read.
  void Fail(Site place, const std::string& message);

 private:
  friend class World;

  Member(std::shared_ptr<World> world, int rank, Communicator* communicator,
         std::unique_ptr<Communicator> host_communicator)
      : world_(std::move(world)),
        rank_(rank),
        communicator_(communicator),
        host_communicator_(std::move(host_communicator)) {}
  Board& board() { return world_->board_; }

  template <class Meet, class T>
  Status ExchangeBy(Meet meet, const char* name, const T& mine, std::span<T> all, Site site) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= Record::kBytes);
    const Signature signature{.op = Op::kExchange, .count = sizeof(T), .name = name};
    Status status = (board().*meet)(rank_, signature, site, &mine, sizeof(T));
    if (!status.ok()) return status;
    for (int r = 0; r < size(); ++r) all[r] = board().Peer<T>(rank_, r);
    return status;
  }

  template <class Report>
  void Leave(const Report& report) {
    ETA_CHECK(!left_);
    left_ = true;
    report();
    world_->ReleaseIfAllLeft();
  }

  std::shared_ptr<World> world_;
  int rank_;
  Communicator* communicator_;
  std::unique_ptr<Communicator> host_communicator_;
  bool left_ = false;
};

}  // namespace eta::parallel
