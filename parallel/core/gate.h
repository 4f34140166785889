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
// is to be done. They are those that arrive last, since these are awake:
//
//   if (!gate.Works(ticket)) return gate.AwaitRelease(ticket, timeout);  // sleeps meanwhile
//   if (gate.Await(ticket, timeout) == Gate::Passage::kThrough) {
//     ... do part gate.TakePart() of the work ...
//     gate.Release();
//   }
//
// What a rank wrote before Arrive, Finish or Release is visible to every rank after Await, Finish,
// Release or AwaitRelease. Those who have a core to themselves spin for a short while, then park in
// the kernel.
//
// Thread safety: one thread per rank calls all but Close, which any thread may call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace eta::parallel {

class Gate {
 public:
  enum class Passage : uint8_t { kThrough, kClosed, kLate };

  struct Ticket {
    uint32_t generation;  // what the gate shows once all have arrived
    int place;            // how many had arrived before; -1: it was closed
  };

  // There are as many workers as have a core each.
  Gate(int ranks, int workers);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  Ticket Arrive();

  // Waits until all ranks have arrived (kThrough) or the gate is closed before that (kClosed); on
  // kLate the ticket is still good: close the gate and await it again to learn which it was.
  Passage Await(Ticket ticket, std::chrono::nanoseconds timeout);

  // Waits until all ranks that passed have called Finish. It heeds neither Close nor a timeout,
  // because what the others do between Await and Finish is bounded.
  void Finish();

  bool Works(Ticket ticket) const { return ticket.place >= ranks_ - workers_; }

  // After Await, by a worker: a number in [0, workers) that no other one gets this time; the one
  // that this core got last, unless somebody has taken it.
  int TakePart();

  // Like Finish, of the workers alone.
  void Release();

  // Like Await, but those that pass do so when all workers have called Release.
  Passage AwaitRelease(Ticket ticket, std::chrono::nanoseconds timeout);

  // From now on nobody passes. Waiters leave Await at once.
  void Close();

  bool closed() const { return (word_.load(std::memory_order_acquire) & kClosedBit) != 0; }

 private:
  // Bit 0: closed. The bits above: the generation, modulo 2^31. A rank can be no further than one
  // generation from another, so generations are only compared for equality.
  static constexpr uint32_t kClosedBit = 1;
  static constexpr uint32_t kStep = 2;

  // Those who wait, by the bits that wake them: those for release by the core on which they fell
  // asleep, as it costs much to wake somebody from another one.
  static constexpr uint32_t kForOthers = 1, kForRelease = ~kForOthers, kAll = ~0u;
  static uint32_t ForReleaseHere();

  // Of the workers' work: whether it is taken this time, and on which core it was done last.
  struct Part {
    std::atomic<bool> taken{false};
    std::atomic<int> core{-1};
  };

  static uint32_t GenerationOf(uint32_t word) { return word & ~kClosedBit; }
  int CountArrival(int ranks);
  void Wake(uint32_t waiters);
  void AwaitGeneration(uint32_t finished, bool own_core);
  // Without parking; false if it takes longer.
  template <class Over>
  bool SpinFor(const Over& over, bool own_core) const;
  // Parks until over(word); false if it takes longer than `timeout` (null: no limit).
  template <class Over>
  bool ParkUntil(const Over& over, uint32_t waiter, const std::chrono::nanoseconds* timeout);

  const int ranks_, workers_;
  const std::unique_ptr<Part[]> parts_;
  // On lines of their own: waiters poll the word while others arrive.
  alignas(64) std::atomic<uint32_t> word_{0};
  alignas(64) std::atomic<int> arrived_{0};
  std::atomic<uint32_t> wakers_{0};  // cores of workers that have called Release, as bits
  alignas(64) std::atomic<int> parked_for_others_{0};
  std::atomic<int> parked_for_release_{0};
};

}  // namespace eta::parallel
