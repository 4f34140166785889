#include "parallel/core/gate.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <thread>

namespace eta::parallel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPauses = 200;  // a few microseconds
// Longer than the usual difference between ranks of one step, short beside a lost time slice. After
// the first pauses the core is offered to others, since the rank that is waited for may need it.
constexpr std::chrono::microseconds kSpinTime(1000);
// Where ranks share cores, letting another one run is often all that is needed.
constexpr std::chrono::microseconds kYieldTime(10);

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

int CoreHere() { return std::max(sched_getcpu(), 0); }

uint32_t* AsFutex(std::atomic<uint32_t>& word) {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
  return reinterpret_cast<uint32_t*>(&word);
}

// Sleeps while `word` is `seen`, until somebody wakes those with a bit of `bits`; wakes without a
// cause at times.
void Park(std::atomic<uint32_t>& word, uint32_t seen, uint32_t bits,
          const std::optional<Clock::time_point>& until) {
  timespec at{};
  if (until) {
    const auto ns = std::chrono::nanoseconds(until->time_since_epoch()).count();
    at = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  }
  syscall(SYS_futex, AsFutex(word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
          until ? &at : nullptr, nullptr, bits);
}

}  // namespace

Gate::Gate(int ranks, int workers)
    : ranks_(ranks),
      workers_(workers),
      parts_(std::make_unique<Part[]>(static_cast<size_t>(workers))) {}

Gate::Ticket Gate::Arrive() {
  // Acquire pairs with whoever moved the gate to the generation that we leave behind.
  uint32_t word = word_.load(std::memory_order_acquire);
  Ticket ticket{GenerationOf(word) + kStep, -1};
  if ((word & kClosedBit) != 0) return ticket;
  ticket.place = CountArrival(ranks_);
  if (ticket.place + 1 < ranks_) return ticket;
  // Seq_cst: against those who park, see Wake. It fails only if the gate was closed, and then
  // nobody passes: this one exchange decides for all.
  if (word_.compare_exchange_strong(word, ticket.generation, std::memory_order_seq_cst)) {
    Wake(kForOthers);
  }
  return ticket;
}

Gate::Passage Gate::Await(Ticket ticket, std::chrono::nanoseconds timeout) {
  const auto over = [&](uint32_t word) {
    return GenerationOf(word) == ticket.generation || (word & kClosedBit) != 0;
  };
  if (!SpinFor(over, Works(ticket)) && !ParkUntil(over, kForOthers, &timeout)) {
    return Passage::kLate;
  }
  const uint32_t word = word_.load(std::memory_order_acquire);
  return GenerationOf(word) == ticket.generation ? Passage::kThrough : Passage::kClosed;
}

// Release is a long way off, and those who come to it need the cores: no spinning.
Gate::Passage Gate::AwaitRelease(Ticket ticket, std::chrono::nanoseconds timeout) {
  const uint32_t before = ticket.generation - kStep, released = ticket.generation + kStep;
  const auto over = [&](uint32_t word) {
    return GenerationOf(word) == released || word == (before | kClosedBit);
  };
  if (!ParkUntil(over, ForReleaseHere(), &timeout)) return Passage::kLate;
  const uint32_t word = word_.load(std::memory_order_acquire);
  return GenerationOf(word) == released ? Passage::kThrough : Passage::kClosed;
}

void Gate::Finish() {
  const uint32_t finished = GenerationOf(word_.load(std::memory_order_acquire)) + kStep;
  if (CountArrival(ranks_) + 1 == ranks_) {
    word_.fetch_add(kStep, std::memory_order_seq_cst);  // keeps the closed bit; seq_cst: see Wake
    Wake(kForOthers);
    return;
  }
  AwaitGeneration(finished, /*own_core=*/workers_ == ranks_);
}

void Gate::AwaitGeneration(uint32_t finished, bool own_core) {
  const auto over = [&](uint32_t word) { return GenerationOf(word) == finished; };
  if (!SpinFor(over, own_core)) ParkUntil(over, kForOthers, nullptr);
}

// The part that this core had last, or a free one; whoever finds its own taken will find another.
int Gate::TakePart() {
  const int core = CoreHere();
  const auto take = [&](int part) {
    return !parts_[part].taken.exchange(true, std::memory_order_relaxed);
  };
  for (int part = 0; part < workers_; ++part) {
    if (parts_[part].core.load(std::memory_order_relaxed) == core && take(part)) return part;
  }
  int part = 0;
  while (!take(part)) part = (part + 1) % workers_;
  parts_[part].core.store(core, std::memory_order_relaxed);
  return part;
}

// Each core's sleepers are woken by a worker that runs there; those of other cores by the last one.
void Gate::Release() {
  const uint32_t finished = GenerationOf(word_.load(std::memory_order_acquire)) + kStep;
  const uint32_t here = ForReleaseHere();
  const bool first_here = (wakers_.fetch_or(here, std::memory_order_relaxed) & here) == 0;
  if (CountArrival(workers_) + 1 == workers_) {
    const uint32_t elsewhere = wakers_.exchange(0, std::memory_order_relaxed) & ~here;
    for (int part = 0; part < workers_; ++part) {
      parts_[part].taken.store(false, std::memory_order_relaxed);
    }
    word_.fetch_add(kStep, std::memory_order_seq_cst);  // as in Finish
    Wake(~elsewhere);
    return;
  }
  AwaitGeneration(finished, /*own_core=*/true);
  if (first_here) Wake(here);
}

void Gate::Close() {
  word_.fetch_or(kClosedBit, std::memory_order_seq_cst);  // seq_cst: see Wake
  Wake(kAll);
}

// Of this phase, from 0 on.
int Gate::CountArrival(int ranks) {
  // Acq_rel: the last one to arrive has seen what all did before, and passes it on with the word.
  const int before = arrived_.fetch_add(1, std::memory_order_acq_rel);
  // Ordered before the next arrivals by the word.
  if (before + 1 == ranks) arrived_.store(0, std::memory_order_relaxed);
  return before;
}

uint32_t Gate::ForReleaseHere() {
  constexpr int kBits = 31;
  return kForOthers << (1 + CoreHere() % kBits);
}

void Gate::Wake(uint32_t waiters) {
  // Either these loads see a waiter that is about to park, or that waiter's parking sees the new
  // word; both orders go through seq_cst operations on the word and the numbers of the parked.
  uint32_t parked = 0;
  if (parked_for_others_.load(std::memory_order_seq_cst) > 0) parked |= kForOthers;
  if (parked_for_release_.load(std::memory_order_seq_cst) > 0) parked |= kForRelease;
  if ((parked & waiters) == 0) return;
  syscall(SYS_futex, AsFutex(word_), FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr,
          nullptr, parked & waiters);
}

template <class Over>
bool Gate::ParkUntil(const Over& over, uint32_t waiter, const std::chrono::nanoseconds* timeout) {
  std::optional<Clock::time_point> until;
  if (timeout != nullptr) until = Clock::now() + *timeout;
  std::atomic<int>& parked = waiter == kForOthers ? parked_for_others_ : parked_for_release_;
  bool in_time = true;
  parked.fetch_add(1, std::memory_order_seq_cst);  // see Wake
  for (;;) {
    const uint32_t word = word_.load(std::memory_order_seq_cst);
    if (over(word)) break;
    if (until && Clock::now() >= *until) {
      in_time = false;
      break;
    }
    Park(word_, word, waiter, until);
  }
  parked.fetch_sub(1, std::memory_order_relaxed);  // a needless wake-up is all this can cause
  return in_time;
}

template <class Over>
bool Gate::SpinFor(const Over& over, bool own_core) const {
  // Acquire: what the others did before they arrived.
  const auto is_over = [&] { return over(word_.load(std::memory_order_acquire)); };
  if (is_over()) return true;
  if (own_core) {
    for (int i = 0; i < kPauses; ++i) {  // most waits are shorter than a look at the clock
      Pause();
      if (is_over()) return true;
    }
  }
  const auto until = Clock::now() + (own_core ? kSpinTime : kYieldTime);
  do {
    std::this_thread::yield();
    if (is_over()) return true;
  } while (Clock::now() < until);
  return false;
}

}  // namespace eta::parallel
