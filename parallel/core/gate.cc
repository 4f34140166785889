#include "parallel/core/gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

uint32_t* AsFutex(std::atomic<uint32_t>& word) {
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
  return reinterpret_cast<uint32_t*>(&word);
}

// Sleeps while `word` is `seen`; wakes without a cause at times.
void Park(std::atomic<uint32_t>& word, uint32_t seen,
          const std::optional<Clock::time_point>& until) {
  timespec at{};
  if (until) {
    const auto ns = std::chrono::nanoseconds(until->time_since_epoch()).count();
    at = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  }
  syscall(SYS_futex, AsFutex(word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen,
          until ? &at : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

Gate::Ticket Gate::Arrive() {
  // Acquire pairs with whoever moved the gate to the generation that we leave behind.
  uint32_t word = word_.load(std::memory_order_acquire);
  const Ticket ticket{(word & ~kClosedBit) + kStep};
  if ((word & kClosedBit) != 0 || !ArriveLast()) return ticket;
  // Seq_cst: against `parked_`, see Wake. It fails only if the gate was closed, and then nobody
  // passes: this one exchange decides for all.
  if (word_.compare_exchange_strong(word, ticket.generation, std::memory_order_seq_cst)) Wake();
  return ticket;
}

Gate::Passage Gate::Await(Ticket ticket, std::chrono::nanoseconds timeout) {
  if (!WaitFor(ticket, /*heed_close=*/true, &timeout)) return Passage::kLate;
  const bool through = Reached(word_.load(std::memory_order_acquire), ticket);
  return through ? Passage::kThrough : Passage::kClosed;
}

void Gate::Finish() {
  const Ticket ticket{(word_.load(std::memory_order_acquire) & ~kClosedBit) + kStep};
  if (ArriveLast()) {
    word_.fetch_add(kStep, std::memory_order_seq_cst);  // keeps the closed bit; seq_cst: see Wake
    Wake();
  } else {
    WaitFor(ticket, /*heed_close=*/false, nullptr);
  }
}

void Gate::Close() {
  word_.fetch_or(kClosedBit, std::memory_order_seq_cst);  // seq_cst: see Wake
  Wake();
}

bool Gate::ArriveLast() {
  // Acq_rel: the last one to arrive has seen what all did before, and passes it on with the word.
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < ranks_) return false;
  arrived_.store(0, std::memory_order_relaxed);  // ordered before the next arrivals by the word
  return true;
}

void Gate::Wake() {
  // Either this load sees a waiter that is about to park, or that waiter's parking sees the new
  // word; both orders go through seq_cst operations on `word_` and `parked_`.
  if (parked_.load(std::memory_order_seq_cst) == 0) return;
  syscall(SYS_futex, AsFutex(word_), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX);
}

bool Gate::WaitFor(Ticket ticket, bool heed_close, const std::chrono::nanoseconds* timeout) {
  const auto over = [&](uint32_t word) {
    return Reached(word, ticket) || (heed_close && (word & kClosedBit) != 0);
  };
  if (SpinFor(over)) return true;

  std::optional<Clock::time_point> until;
  if (timeout != nullptr) until = Clock::now() + *timeout;
  bool in_time = true;
  parked_.fetch_add(1, std::memory_order_seq_cst);  // see Wake
  for (;;) {
    const uint32_t word = word_.load(std::memory_order_seq_cst);
    if (over(word)) break;
    if (until && Clock::now() >= *until) {
      in_time = false;
      break;
    }
    Park(word_, word, until);
  }
  parked_.fetch_sub(1, std::memory_order_relaxed);  // a needless wake-up is all this can cause
  return in_time;
}

template <class Over>
bool Gate::SpinFor(const Over& over) const {
  // Acquire: what the others did before they arrived.
  const auto is_over = [&] { return over(word_.load(std::memory_order_acquire)); };
  if (is_over()) return true;
  if (spin_) {
    for (int i = 0; i < kPauses; ++i) {  // most waits are shorter than a look at the clock
      Pause();
      if (is_over()) return true;
    }
  }
  const auto until = Clock::now() + (spin_ ? kSpinTime : kYieldTime);
  do {
    std::this_thread::yield();
    if (is_over()) return true;
  } while (Clock::now() < until);
  return false;
}

}  // namespace eta::parallel
