#include "parallel/core/phase_log.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace eta::parallel {
namespace {

// Of a value that only the calling thread writes: cheaper than a read-modify-write.
template <class T>
void Increase(std::atomic<T>& value, T by) {
  value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// How long the record goes on while the rank computes in `own`.
int64_t SharedComputing(const PhaseRecord& record, const PhaseRecord& own) {
  if (!IsCompute(own.phase)) return 0;
  const int64_t begin = std::max(record.begin_ns, own.begin_ns);
  return std::max<int64_t>(0, std::min(record.end_ns, own.end_ns) - begin);
}

}  // namespace

const char* NameOf(Phase phase) {
  constexpr const char* kNames[kPhaseCount] = {"other",  "forward", "backward",
                                               "reduce", "wait",    "update"};
  return kNames[static_cast<size_t>(phase)];
}

int64_t PhaseClock() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

PhaseLog::PhaseLog(size_t capacity)
    : start_ns_(PhaseClock()),
      slots_(std::bit_ceil(std::max<size_t>(capacity, 1))),
      phase_begin_ns_(start_ns_) {
  now_.begin_ns = start_ns_;
}

PhaseRecord PhaseLog::Change(const PhaseRecord& next) {
  PhaseRecord last = now_;
  last.end_ns = PhaseClock();
  if (last.phase != Phase::kOther) Append(last);
  now_ = next;
  now_.begin_ns = last.end_ns;
  phase_begin_ns_.store(now_.begin_ns, std::memory_order_relaxed);
  phase_.store(now_.phase, std::memory_order_relaxed);
  return last;
}

void PhaseLog::Append(const PhaseRecord& record) {
  Total& total = totals_[static_cast<size_t>(record.phase)];
  Increase(total.count, uint64_t{1});
  Increase(total.ns, record.end_ns - record.begin_ns);
  Increase(total.bytes, record.bytes);
  const uint64_t number = written_.load(std::memory_order_relaxed);  // only we write it
  slots_[number & (slots_.size() - 1)].Set({number + 1, record});
  written_.store(number + 1, std::memory_order_release);  // who sees it sees the record
}

void PhaseLog::Add(const PhaseRecord& record) {
  if (record.phase == Phase::kReduce) {
    Increase(beside_ns_, record.end_ns - record.begin_ns);
    Increase(hidden_ns_, HiddenPart(record));
  }
  PhaseRecord marked = record;
  marked.beside = true;
  Append(marked);
}

int64_t PhaseLog::HiddenPart(const PhaseRecord& record) const {
  PhaseRecord current = now_;
  current.end_ns = record.end_ns;
  int64_t hidden = SharedComputing(record, current);
  const uint64_t written = written_.load(std::memory_order_relaxed);
  for (uint64_t n = written; n > OldestOf(written); --n) {
    PhaseRecord other;
    if (!Read(n - 1, &other) || other.beside) continue;
    if (other.end_ns <= record.begin_ns) break;  // so do all before it
    hidden += SharedComputing(record, other);
  }
  return hidden;
}

PhaseTotal PhaseLog::total(Phase phase) const {
  const Total& total = totals_[static_cast<size_t>(phase)];
  return {total.count.load(std::memory_order_relaxed), total.ns.load(std::memory_order_relaxed),
          total.bytes.load(std::memory_order_relaxed)};
}

bool PhaseLog::Read(uint64_t number, PhaseRecord* record) const {
  const Numbered found = slots_[number & (slots_.size() - 1)].Get();
  if (found.number_from_1 != number + 1) return false;
  *record = found.record;
  return true;
}

std::vector<PhaseRecord> PhaseLog::Last(size_t count) const {
  const uint64_t end = written();
  std::vector<PhaseRecord> last;
  PhaseRecord record;
  for (uint64_t n = std::max(OldestOf(end), end - std::min<uint64_t>(end, count)); n < end; ++n) {
    if (Read(n, &record)) last.push_back(record);
  }
  return last;
}

PhaseScope::PhaseScope(PhaseLog* log, Phase phase, uint64_t bytes, uint32_t part) {
  if (log == nullptr) return;
  if (log->now_.phase == phase) {
    log->now_.bytes += bytes;
    return;
  }
  log_ = log;
  outer_ = log_->Change({.phase = phase, .part = part, .step = log_->step(), .bytes = bytes});
  outer_.bytes = 0;  // counted with its first part
}

PhaseScope::~PhaseScope() {
  if (log_ != nullptr) log_->Change(outer_);
}

Journal::Journal(int size, size_t capacity, int first) : first_(first) {
  for (int r = 0; r < size; ++r) logs_.push_back(std::make_shared<PhaseLog>(capacity));
}

Journal::Journal(const Journal& all, std::span<const int> ranks) {
  for (int rank : ranks) logs_.push_back(all.logs_[static_cast<size_t>(rank)]);
}

}  // namespace eta::parallel
