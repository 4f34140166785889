#include "parallel/core/board.h"

#include <algorithm>
#include <utility>

#include "parallel/core/report.h"

namespace eta::parallel {

Board::Board(int size, std::chrono::nanoseconds stall_timeout, bool spin,
             std::shared_ptr<Journal> journal)
    : size_(size),
      lines_(std::make_unique<Line[]>(size)),
      journal_(journal ? std::move(journal) : std::make_shared<Journal>(size)),
      gate_(size, spin) {
  ETA_CHECK(journal_->size() == size);
  for (int r = 0; r < size; ++r) SetStallTimeout(r, stall_timeout);
}

// --- meeting -------------------------------------------------------------------------------------

Status Board::Meet(int rank, const Signature& signature, Site site, const void* record,
                   size_t bytes) {
  ETA_DCHECK(bytes <= Record::kBytes);
  // Not past the end of the world: a peer may still be reading the slot that would come next.
  if (aborted()) return Acknowledge(rank);
  const PhaseScope waiting(&log(rank), Phase::kWait);
  Line& line = lines_[rank];
  const uint64_t sequence = line.sequence.load(std::memory_order_relaxed) + 1;  // only we write it
  Slot& slot = SlotOf(rank, sequence);
  slot.signature = signature;
  if (bytes > 0) std::memcpy(slot.record.bytes.data(), record, bytes);
  line.call.Set({signature, Text(site)});
  line.sequence.store(sequence, std::memory_order_relaxed);
  // Release: a watcher that sees this state sees the sequence too.
  line.state.store(RankState::kWaiting, std::memory_order_release);
  Status status = Pass(rank, gate_.Arrive());
  if (status.ok()) status = CompareSignatures(rank, sequence);
  line.state.store(RankState::kRunning, std::memory_order_release);
  return status;
}

Status Board::Pass(int rank, Gate::Ticket ticket) {
  using std::chrono::nanoseconds;
  // Judging a stall is the watcher's task; this is for worlds without one, and so it comes later.
  const auto limit = [this] {
    nanoseconds longest{0};
    for (int r = 0; r < size_; ++r) longest = std::max(longest, View(r).stall_timeout);
    return longest + longest / 4 + std::chrono::milliseconds(100);
  };
  nanoseconds waited{0};
  nanoseconds turn = nanoseconds(lines_[rank].stall_timeout_ns.load(std::memory_order_relaxed));
  Gate::Passage passage = gate_.Await(ticket, turn);
  while (passage == Gate::Passage::kLate) {
    waited += turn;
    turn = limit() - waited;
    if (turn <= nanoseconds{0}) Abort(StallStatus(ViewAll(), rank, waited));
    passage = gate_.Await(ticket, std::max(turn, nanoseconds{0}));
  }
  return passage == Gate::Passage::kThrough ? Status{} : Acknowledge(rank);
}

Status Board::CompareSignatures(int rank, uint64_t sequence) {
  const Signature& mine = SlotOf(rank, sequence).signature;
  for (int r = 0; r < size_; ++r) {
    if (Agree(mine, SlotOf(r, sequence).signature)) continue;
    // All ranks come here, and none leaves before the first of them has aborted, so that one's
    // views are of this very meeting. The others' messages are dropped.
    Abort(DesyncStatus(ViewAll()));
    return Acknowledge(rank);
  }
  return {};
}

const std::byte* Board::Peer(int rank, int peer) const {
  const uint64_t sequence = lines_[rank].sequence.load(std::memory_order_relaxed);
  return SlotOf(peer, sequence).record.bytes.data();
}

void Board::Finish(int rank) {
  const PhaseScope waiting(&log(rank), Phase::kWait);
  gate_.Finish();
}

// Release, as in Meet: a watcher that sees the state sees the sequence too.
Board::Waiting::Waiting(Board& board, int rank) : board_(board), rank_(rank) {
  board_.lines_[rank_].state.store(RankState::kWaiting, std::memory_order_release);
}

Board::Waiting::~Waiting() {
  board_.lines_[rank_].state.store(RankState::kRunning, std::memory_order_release);
}

// --- what a rank tells about itself --------------------------------------------------------------

bool Board::Join(int rank) {
  RankState absent = RankState::kAbsent;
  return lines_[rank].state.compare_exchange_strong(absent, RankState::kRunning,
                                                    std::memory_order_relaxed);
}

void Board::SetStep(int rank, uint64_t step) {
  log(rank).SetStep(step);
  lines_[rank].step.store(step, std::memory_order_relaxed);  // for reports; orders nothing
}

void Board::SetPlace(int rank, Site place) { lines_[rank].place.Set(Text(place)); }

void Board::SetStallTimeout(int rank, std::chrono::nanoseconds timeout) {
  lines_[rank].stall_timeout_ns.store(timeout.count(), std::memory_order_relaxed);
}

void Board::LeaveReturned(int rank) { Leave(rank, RankState::kReturned); }

void Board::LeaveExited(int rank, int code) {
  lines_[rank].exit_code.store(code, std::memory_order_relaxed);
  Leave(rank, RankState::kExited);
}

void Board::LeaveFailed(int rank, const std::string& message) {
  Abort({Code::kPeerFailed, message, rank});
  Leave(rank, RankState::kFailed);
}

void Board::Leave(int rank, RankState state) {
  // Release: a watcher that sees it sees the exit code and the last sequence too.
  lines_[rank].state.store(state, std::memory_order_release);
  {
    MutexLock lock(mu_);
    ++left_;
  }
  changed_.NotifyAll();
}

// --- the end of the world ------------------------------------------------------------------------

void Board::Abort(const Status& reason) {
  {
    MutexLock lock(mu_);
    if (!reason_.ok()) return;
    reason_ = reason;
  }
  gate_.Close();  // after the reason is there for those who find it closed
  changed_.NotifyAll();
}

Status Board::reason() const {
  MutexLock lock(mu_);
  return reason_;
}

Status Board::Acknowledge(int rank) {
  lines_[rank].acknowledged.store(true, std::memory_order_relaxed);  // orders nothing
  return reason();
}

bool Board::SleepUntilAborted(std::chrono::nanoseconds time) {
  const Deadline until = Clock::now() + time;
  MutexLock lock(mu_);
  while (reason_.ok() && !interrupted_) {
    if (!changed_.WaitUntil(mu_, until)) break;
  }
  return !reason_.ok();
}

void Board::InterruptSleep() {
  {
    MutexLock lock(mu_);
    interrupted_ = true;
  }
  changed_.NotifyAll();
}

bool Board::AllLeft() const {
  MutexLock lock(mu_);
  return left_ == size_;
}

void Board::WaitUntilAllLeft() {
  MutexLock lock(mu_);
  while (left_ < size_) changed_.Wait(mu_);
}

// --- the watcher's side --------------------------------------------------------------------------

RankView Board::View(int rank) const {
  const Line& line = lines_[rank];
  RankView view;
  // Acquire, and first: the sequence is then at least that of a wait, and final if the rank has
  // left.
  view.state = line.state.load(std::memory_order_acquire);
  view.acknowledged = line.acknowledged.load(std::memory_order_relaxed);
  view.exit_code = line.exit_code.load(std::memory_order_relaxed);
  view.sequence = line.sequence.load(std::memory_order_relaxed);
  view.step = line.step.load(std::memory_order_relaxed);
  view.stall_timeout =
      std::chrono::nanoseconds(line.stall_timeout_ns.load(std::memory_order_relaxed));
  const Call call = line.call.Get();
  view.signature = call.signature;
  view.site = call.site.str();
  view.place = line.place.Get().str();
  return view;
}

std::vector<RankView> Board::ViewAll() const {
  std::vector<RankView> views;
  for (int r = 0; r < size_; ++r) views.push_back(View(r));
  return views;
}

}  // namespace eta::parallel
