#include "parallel/core/board.h"

#include <algorithm>
#include <utility>

#include "parallel/core/link/link.h"
#include "parallel/core/link/sent_signature.h"
#include "parallel/core/report.h"

namespace eta::parallel {
namespace {

// What processes send each other of each rank's slot.
struct SentSlot {
  SentSignature signature;
  Text site;
  Record record;
};

int64_t Now() { return Clock::now().time_since_epoch().count(); }

}  // namespace

Board::Board(Seats seats, std::chrono::nanoseconds stall_timeout, int cores,
             std::shared_ptr<Journal> journal, Link* link)
    : seats_(seats),
      workers_(std::clamp(cores, 1, seats.here)),
      link_(link),
      lines_(std::make_unique<Line[]>(seats.size)),
      journal_(journal
                   ? std::move(journal)
                   : std::make_shared<Journal>(seats.here, PhaseLog::kUsualCapacity, seats.first)),
      gate_(seats.here, workers_),
      workers_gate_(workers_, workers_) {
  ETA_CHECK(journal_->size() == seats.here && journal_->first() == seats.first &&
            (seats.all_here() || link != nullptr));
  for (int r = 0; r < size(); ++r) {
    SetStallTimeout(r, stall_timeout);
    lines_[r].heard_ns.store(Now(), std::memory_order_relaxed);
  }
}

// --- meeting -------------------------------------------------------------------------------------

// Not past the end of the world: a peer may still be reading the slot that would come next.
Status Board::Meet(int rank, const Signature& signature, Site site, const void* record,
                   size_t bytes) {
  if (aborted()) return NoticeAbort(rank);
  const PhaseScope waiting(LogAtMeetings(rank), Phase::kWait);
  const Gate::Ticket ticket = Arrive(rank, signature, site, record, bytes);
  Status status = Pass(rank, ticket);
  if (status.ok() && link_ != nullptr) {
    status = Lead(rank, [&] { return ExchangeSlots(SequenceOf(rank)); });
  }
  return EndMeeting(rank, ticket, std::move(status));
}

Status Board::MeetForWork(int rank, const Signature& signature, Site site, const void* record,
                          size_t bytes) {
  ETA_DCHECK(link_ == nullptr);
  if (aborted()) return NoticeAbort(rank);
  const PhaseScope waiting(LogAtMeetings(rank), Phase::kWait);
  const Gate::Ticket ticket = Arrive(rank, signature, site, record, bytes);
  const bool works = gate_.Works(ticket);
  Status status = Pass(rank, ticket, works ? &Gate::Await : &Gate::AwaitRelease);
  status = EndMeeting(rank, ticket, std::move(status));
  lines_[rank].part = works && status.ok() ? gate_.TakePart() : -1;
  return status;
}

Gate::Ticket Board::Arrive(int rank, const Signature& signature, Site site, const void* record,
                           size_t bytes) {
  ETA_DCHECK(bytes <= Record::kBytes);
  Line& line = lines_[rank];
  const uint64_t sequence = SequenceOf(rank) + 1;
  Slot& slot = SlotOf(rank, sequence);
  slot.signature = signature;
  if (bytes > 0) std::memcpy(slot.record.bytes.data(), record, bytes);
  line.call.Set({signature, Text(site)});
  line.sequence.store(sequence, std::memory_order_relaxed);
  // Release: a watcher that sees this state sees the sequence too.
  line.state.store(RankState::kWaiting, std::memory_order_release);
  return gate_.Arrive();
}

Status Board::EndMeeting(int rank, Gate::Ticket ticket, Status status) {
  if (status.ok()) status = CompareSignatures(rank, ticket);
  lines_[rank].state.store(RankState::kRunning, std::memory_order_release);
  return status;
}

Status Board::Pass(int rank, Gate::Ticket ticket, GateWait wait) {
  using std::chrono::nanoseconds;
  // Judging a stall is the watcher's task; this is for worlds without one, and so it comes later.
  const auto limit = [this] {
    nanoseconds longest{0};
    for (int r = 0; r < size(); ++r) longest = std::max(longest, View(r).stall_timeout);
    return longest + longest / 4 + std::chrono::milliseconds(100);
  };
  nanoseconds waited{0};
  nanoseconds turn = nanoseconds(lines_[rank].stall_timeout_ns.load(std::memory_order_relaxed));
  Gate::Passage passage = (gate_.*wait)(ticket, turn);
  while (passage == Gate::Passage::kLate) {
    waited += turn;
    turn = limit() - waited;
    if (turn <= nanoseconds{0}) Abort(StallStatus(ViewAll(), rank, waited));
    passage = (gate_.*wait)(ticket, std::max(turn, nanoseconds{0}));
  }
  return passage == Gate::Passage::kThrough ? Status{} : NoticeAbort(rank);
}

Status Board::MeetHere(int rank) { return Pass(rank, gate_.Arrive()); }

void Board::NoteLed(const Status& status) {
  led_well_ = status.ok();
  if (!led_well_) Abort(status);  // to no effect if that is why it has failed
}

Status Board::EndLed(int rank) {
  gate_.Finish();
  return led_well_ ? Status{} : NoticeAbort(rank);
}

Status Board::ExchangeSlots(uint64_t sequence) {
  const size_t bytes = static_cast<size_t>(size()) * sizeof(SentSlot);
  std::byte* const memory = link_->Memory(Link::Use::kMeeting, bytes);
  auto* const slots = reinterpret_cast<SentSlot*>(memory);  // by rank
  for (int r = seats_.first; r < seats_.end(); ++r) {
    const Slot& slot = SlotOf(r, sequence);
    slots[r] = {SentSignature(slot.signature), lines_[r].call.Get().site, slot.record};
  }
  Status exchanged = link_->Exchange(memory, sizeof(SentSlot), [this] { return aborted(); });
  if (!exchanged.ok()) return exchanged;
  for (int r = 0; r < size(); ++r) {
    if (seats_.Has(r)) continue;
    Slot& slot = SlotOf(r, sequence);
    slot.signature = slots[r].signature.Get();
    slot.site = slots[r].site;
    slot.record = slots[r].record;
  }
  return {};
}

Status Board::CompareSignatures(int rank, Gate::Ticket ticket) {
  const uint64_t sequence = SequenceOf(rank);
  const Signature& mine = SlotOf(rank, sequence).signature;
  for (int r = 0; r < size(); ++r) {
    if (Agree(mine, SlotOf(r, sequence).signature)) continue;
    // All ranks come here, and none leaves before the first of them has aborted, so that one's
    // views are of this very meeting. The others' messages are dropped.
    Abort(DesyncStatus(ViewsInMeeting(sequence)));
    // Those that came to MeetForWork wait for it.
    if (seats_.all_here() && gate_.Works(ticket) && workers_ < size()) gate_.Release();
    return NoticeAbort(rank);
  }
  return {};
}

std::vector<RankView> Board::ViewsInMeeting(uint64_t sequence) const {
  std::vector<RankView> views = ViewAll();
  for (int r = 0; r < size(); ++r) {
    if (seats_.Has(r)) continue;
    const Slot& slot = SlotOf(r, sequence);
    views[static_cast<size_t>(r)].signature = slot.signature;
    views[static_cast<size_t>(r)].site = slot.site.str();
  }
  return views;
}

const std::byte* Board::Peer(int rank, int peer) const {
  return SlotOf(peer, SequenceOf(rank)).record.bytes.data();
}

void Board::Finish(int rank) {
  const PhaseScope waiting(LogAtMeetings(rank), Phase::kWait);
  gate_.Finish();
}

void Board::SyncWorkers(int rank) {
  const PhaseScope waiting(LogAtMeetings(rank), Phase::kWait);
  workers_gate_.Finish();
}

void Board::Release(int rank) {
  const PhaseScope waiting(LogAtMeetings(rank), Phase::kWait);
  gate_.Release();
}

// Release, as in Meet: a watcher that sees the state sees the sequence too.
Board::Waiting::Waiting(Board& board, int rank) : board_(board), rank_(rank) {
  board_.lines_[rank_].state.store(RankState::kWaiting, std::memory_order_release);
}

Board::Waiting::~Waiting() {
  board_.lines_[rank_].state.store(RankState::kRunning, std::memory_order_release);
}

Board::Substitute::Substitute(Board& board, int rank) : board_(board), rank_(rank) {
  board_.lines_[rank_].substituted = true;
}

Board::Substitute::~Substitute() { board_.lines_[rank_].substituted = false; }

PhaseLog* Board::LogAtMeetings(int rank) { return lines_[rank].substituted ? nullptr : &log(rank); }

Status Board::NoticeAbort(int rank) {
  return lines_[rank].substituted ? reason() : Acknowledge(rank);
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

void Board::SetRemote(int rank, const RankView& view) {
  Line& line = lines_[rank];
  line.heard_ns.store(Now(), std::memory_order_relaxed);
  line.acknowledged.store(view.acknowledged, std::memory_order_relaxed);
  line.exit_code.store(view.exit_code, std::memory_order_relaxed);
  line.sequence.store(view.sequence, std::memory_order_relaxed);
  line.step.store(view.step, std::memory_order_relaxed);
  SetStallTimeout(rank, view.stall_timeout);
  line.call.Set({view.signature, Text(view.site)});
  line.place.Set(Text(view.place));
  line.state.store(view.state, std::memory_order_release);  // last, as in Meet and Leave
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
    if (reason_.ok()) reason_ = reason;
  }
  gate_.Close();  // after the reason is there for those who find it closed; whoever was first
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

Status Board::EndBy(int rank, Status failure) {
  if (failure.rank < 0) failure.rank = rank;
  Abort(failure);
  return Acknowledge(rank);
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
  return left_ == seats_.here;
}

void Board::WaitUntilAllLeft() {
  MutexLock lock(mu_);
  while (left_ < seats_.here) changed_.Wait(mu_);
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
  if (!seats_.Has(rank)) {
    view.silence = std::chrono::nanoseconds(Now() - line.heard_ns.load(std::memory_order_relaxed));
    if (view.silent()) view.process = link_->Where(link_->ProcessOf(rank));
  }
  return view;
}

std::vector<RankView> Board::ViewAll() const {
  std::vector<RankView> views;
  for (int r = 0; r < size(); ++r) views.push_back(View(r));
  return views;
}

}  // namespace eta::parallel
