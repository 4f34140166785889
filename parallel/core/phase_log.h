// PhaseLog: what one rank has been doing: totals since its start, and its last phases, as an
// aircraft's black box has them. It is always on, so writing is cheap: no lock, no allocation, two
// looks at the clock per phase.
//
//   {
//     PhaseScope scope(log, Phase::kForward);   // a null log: nothing happens
//     ... what happens in here that has a scope of its own does not count as forward ...
//   }
//
// Thread safety: one thread at a time writes (PhaseScope, Add, SetStep); any thread reads, at any
// time, and delays nobody. What it reads is of slightly different moments.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "parallel/core/published.h"

namespace eta::parallel {

enum class Phase : uint8_t {
  kOther,  // the program between the phases below; it has no records
  kForward,
  kBackward,
  kReduce,  // moving or combining what the ranks exchange
  kWait,    // for other ranks, or for a device that exchanges with theirs
  kUpdate,
};
inline constexpr int kPhaseCount = 6;

const char* NameOf(Phase phase);

// What a rank does for itself in a training step.
constexpr bool IsCompute(Phase phase) {
  return phase == Phase::kForward || phase == Phase::kBackward || phase == Phase::kUpdate;
}

struct PhaseRecord {
  Phase phase = Phase::kOther;
  bool beside = false;   // it went on beside the rank's own work
  uint32_t part = 0;     // of kReduce: the number of the slice or bucket
  uint64_t step = 0;     // training step, from 1; 0: before the first
  uint64_t bytes = 0;    // that the phase exchanged
  int64_t begin_ns = 0;  // of the steady clock, as is
  int64_t end_ns = 0;
};

struct PhaseTotal {
  uint64_t count = 0;
  int64_t ns = 0;
  uint64_t bytes = 0;
};

// Nanoseconds of the steady clock.
int64_t PhaseClock();

class PhaseLog {
 public:
  static constexpr size_t kUsualCapacity = 512;

  // Keeps at least the last `capacity` records.
  explicit PhaseLog(size_t capacity = kUsualCapacity);
  PhaseLog(const PhaseLog&) = delete;
  PhaseLog& operator=(const PhaseLog&) = delete;

  // --- the rank's side --------------------------------------------------------------------------

  void SetStep(uint64_t step) { step_.store(step, std::memory_order_relaxed); }
  // A step was replayed from a record of an earlier one.
  void CountReplay() { replays_.store(replays() + 1, std::memory_order_relaxed); }
  // Such a step was launched as graphs of the rank's device.
  void CountLaunch() { launches_.store(launches() + 1, std::memory_order_relaxed); }
  // What goes on, from its last interruption.
  const PhaseRecord& now() const { return now_; }
  // A phase that went on beside the rank's own work, such as a device's, and has ended. The time
  // that it shares with the rank's own computing counts as hidden.
  void Add(const PhaseRecord& record);

  // --- everybody's ------------------------------------------------------------------------------

  uint64_t step() const { return step_.load(std::memory_order_relaxed); }
  uint64_t replays() const { return replays_.load(std::memory_order_relaxed); }
  uint64_t launches() const { return launches_.load(std::memory_order_relaxed); }
  Phase phase() const { return phase_.load(std::memory_order_relaxed); }
  int64_t phase_begin_ns() const { return phase_begin_ns_.load(std::memory_order_relaxed); }
  int64_t start_ns() const { return start_ns_; }
  PhaseTotal total(Phase phase) const;
  // Of the time of kReduce: what went on beside the rank's own work, and the share of that which
  // was hidden.
  int64_t beside_ns() const { return beside_ns_.load(std::memory_order_relaxed); }
  int64_t hidden_ns() const { return hidden_ns_.load(std::memory_order_relaxed); }

  // Records so far; they are numbered from 0.
  uint64_t written() const { return written_.load(std::memory_order_acquire); }
  // The first one that is still kept when so many are written.
  uint64_t OldestOf(uint64_t written) const {
    return written > slots_.size() ? written - slots_.size() : 0;
  }
  // False if it is gone.
  bool Read(uint64_t number, PhaseRecord* record) const;
  // The last ones, at most `count`, oldest first.
  std::vector<PhaseRecord> Last(size_t count) const;

 private:
  friend class PhaseScope;

  struct Numbered {
    uint64_t number_from_1;
    PhaseRecord record;
  };
  struct Total {
    std::atomic<uint64_t> count{0};
    std::atomic<int64_t> ns{0};
    std::atomic<uint64_t> bytes{0};
  };

  // Ends the phase that goes on and begins another; gives the former.
  PhaseRecord Change(const PhaseRecord& next);
  void Append(const PhaseRecord& record);
  // What the record shares with the rank's own computing.
  int64_t HiddenPart(const PhaseRecord& record) const;

  const int64_t start_ns_;
  std::vector<Published<Numbered>> slots_;  // a power of two of them
  PhaseRecord now_;                         // what goes on; the writer's own
  std::atomic<Phase> phase_{Phase::kOther};
  std::atomic<int64_t> phase_begin_ns_;
  std::atomic<uint64_t> step_{0};
  std::atomic<uint64_t> replays_{0};
  std::atomic<uint64_t> launches_{0};
  std::atomic<uint64_t> written_{0};
  std::atomic<int64_t> beside_ns_{0};
  std::atomic<int64_t> hidden_ns_{0};
  std::array<Total, kPhaseCount> totals_;
};

// The phase from its making to its end. Scopes nest; the outer one stands still meanwhile. One that
// is made in the same phase is a piece of it, and adds its bytes.
class PhaseScope {
 public:
  PhaseScope(PhaseLog* log, Phase phase, uint64_t bytes = 0, uint32_t part = 0);
  ~PhaseScope();
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  PhaseLog* log_ = nullptr;  // null: this began no phase
  PhaseRecord outer_;
};

// Journal: the logs of the ranks of a world that are in this process. Thread safety: as PhaseLog.
class Journal {
 public:
  // Of `size` ranks from `first` on.
  explicit Journal(int size, size_t capacity = PhaseLog::kUsualCapacity, int first = 0);
  // The same logs, of these ranks only, which are numbered anew.
  Journal(const Journal& all, std::span<const int> ranks);

  int size() const { return static_cast<int>(logs_.size()); }
  int first() const { return first_; }
  int end() const { return first_ + size(); }
  PhaseLog& log(int rank) { return *logs_[static_cast<size_t>(rank - first_)]; }
  const PhaseLog& log(int rank) const { return *logs_[static_cast<size_t>(rank - first_)]; }

 private:
  int first_ = 0;
  std::vector<std::shared_ptr<PhaseLog>> logs_;
};

}  // namespace eta::parallel
