// Gate: the point where the ranks of a world meet. Either all pass it or none does, also when it is
// closed at the same moment, so that ranks always agree on whether data flows.
//
//   Gate::Ticket ticket = gate.Arrive();
//   if (gate.Await(ticket, timeout) == Gate::Passage::kThrough) {
//     ... read and write the peers' buffers, bounded work that cannot fail ...
//     gate.Finish();  // nobody touches this rank's buffers any more
//   }
//
// What a rank wrote before Arrive (or Finish) is visible to every rank after Await (or Finish).
// Waiting spins for a short while if each rank has a core of its own, then parks in the kernel.
//
// Thread safety: one thread per rank calls Arrive, Await and Finish; any thread may call Close.
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

  // With `spin`, waiters burn their core for some microseconds before they park.
  Gate(int ranks, bool spin) : ranks_(ranks), spin_(spin) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  Ticket Arrive();

  // Waits until all ranks have arrived (kThrough) or the gate is closed before that (kClosed); on
  // kLate the ticket is still good: close the gate and await it again to learn which it was.
  Passage Await(Ticket ticket, std::chrono::nanoseconds timeout);

  // Waits until all ranks that passed have called Finish. It heeds neither Close nor a timeout,
  // because what the others do between Await and Finish is bounded.
  void Finish();

  // From now on nobody passes. Waiters leave Await at once.
  void Close();

  bool closed() const { return (word_.load(std::memory_order_acquire) & kClosedBit) != 0; }

 private:
  // Bit 0: closed. The bits above: the generation, modulo 2^31. A rank can be no further than one
  // generation from another, so generations are only compared for equality.
  static constexpr uint32_t kClosedBit = 1;
  static constexpr uint32_t kStep = 2;

  bool Reached(uint32_t word, Ticket ticket) const {
    return (word & ~kClosedBit) == ticket.generation;
  }
  bool ArriveLast();
  void Wake();
  // Without parking; false if it takes longer.
  template <class Over>
  bool SpinFor(const Over& over) const;
  // Returns false if it takes longer than `timeout` (null: no limit). A closed gate ends the wait
  // if `heed_close`.
  bool WaitFor(Ticket ticket, bool heed_close, const std::chrono::nanoseconds* timeout);

  const int ranks_;
  const bool spin_;
  // On lines of their own: waiters poll the word while others arrive.
  alignas(64) std::atomic<uint32_t> word_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> parked_{0};
};

}  // namespace eta::parallel
