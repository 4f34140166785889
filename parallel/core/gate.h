// Gate: the point where the ranks of a world meet. Either all pass it or none does, also when it is
// closed at the same moment, so that ranks always agree on whether data flows.
//
//   Gate::Ticket ticket = gate.Arrive();
//   if (gate.Await(ticket, timeout) == Gate::Passage::kThrough) {
//     ... read and write the peers' buffers, bounded work that cannot fail ...
//     gate.Finish();  // nobody touches this rank's buffers any more
//   }
//
// Where ranks share cores, each wake-up costs. Some of them, the workers, may then do for all what
// is to be done: the others call AwaitRelease instead of Await and Finish, and sleep meanwhile; the
// workers call Release instead of Finish.
//
// What a rank wrote before Arrive, Finish or Release is visible to every rank after Await, Finish,
// Release or AwaitRelease. Waiting spins for a short while if each rank has a core of its own, then
// parks in the kernel.
//
// Thread safety: one thread per rank calls all but Close, which any thread may call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace eta::parallel {

class Gate {
 public:
  enum class Passage : uint8_t { kThrough, kClosed, kLate };

  struct Ticket {
    uint32_t generation;  // what the gate shows once all have arrived
  };

  // With `spin`, waiters burn their core for some microseconds before they park. `workers` of the
  // ranks call Release.
  Gate(int ranks, int workers, bool spin) : ranks_(ranks), workers_(workers), spin_(spin) {}
  Gate(int ranks, bool spin) : Gate(ranks, ranks, spin) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  Ticket Arrive();

  // Waits until all ranks have arrived (kThrough) or the gate is closed before that (kClosed); on
  // kLate the ticket is still good: close the gate and await it again to learn which it was.
  Passage Await(Ticket ticket, std::chrono::nanoseconds timeout);

  // Waits until all ranks that passed have called Finish. It heeds neither Close nor a timeout,
  // because what the others do between Await and Finish is bounded.
  void Finish() { FinishAmong(ranks_); }

  // The same of the workers alone.
  void Release() { FinishAmong(workers_); }

  // Like Await, but those that pass do so when the workers have called Release.
  Passage AwaitRelease(Ticket ticket, std::chrono::nanoseconds timeout);

  // From now on nobody passes. Waiters leave Await at once.
  void Close();

  bool closed() const { return (word_.load(std::memory_order_acquire) & kClosedBit) != 0; }

 private:
  // Bit 0: closed. The bits above: the generation, modulo 2^31. A rank can be no further than one
  // generation from another, so generations are only compared for equality.
  static constexpr uint32_t kClosedBit = 1;
  static constexpr uint32_t kStep = 2;

  // Those who wait, by the bit that wakes them.
  enum Waiter : uint32_t { kForOthers = 1, kForRelease = 2, kAll = kForOthers | kForRelease };

  static uint32_t GenerationOf(uint32_t word) { return word & ~kClosedBit; }
  void FinishAmong(int ranks);
  bool ArriveLast(int ranks);
  void Wake(uint32_t waiters);
  // Without parking; false if it takes longer.
  template <class Over>
  bool SpinFor(const Over& over) const;
  // Waits until over(word); false if it takes longer than `timeout` (null: no limit).
  template <class Over>
  bool WaitFor(const Over& over, Waiter waiter, const std::chrono::nanoseconds* timeout);

  const int ranks_, workers_;
  const bool spin_;
  // On lines of their own: waiters poll the word while others arrive.
  alignas(64) std::atomic<uint32_t> word_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> parked_[2] = {};  // for others, for release
};

}  // namespace eta::parallel
