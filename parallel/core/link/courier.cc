#include "parallel/core/link/courier.h"

#include <algorithm>

#include "parallel/core/silence.h"

namespace eta::parallel {
namespace {

constexpr auto kTick = std::chrono::milliseconds(5);

}  // namespace

Courier::Courier(Board& board, Link& link, std::function<void(int rank)> ask_place)
    : board_(board),
      link_(link),
      reader_{.view = [this](int rank, const RankView& view) { board_.SetRemote(rank, view); },
              .abort = [this](const Status& reason) { board_.Abort(reason); },
              .ask_place = ask_place ? std::move(ask_place) : [](int) {}},
      asked_(static_cast<size_t>(board.size())),
      thread_([this] { Run(); }) {}

Courier::~Courier() {
  stopping_.store(true, std::memory_order_relaxed);  // ordered by join
  thread_.join();
}

void Courier::AskPlace(int rank) {
  asked_[static_cast<size_t>(rank)].store(true, std::memory_order_relaxed);  // orders nothing
}

void Courier::Run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    while (const auto letter = link_.transport().Collect()) {
      const auto* const bytes = reinterpret_cast<const char*>(letter->bytes.data());
      reader_.Read({bytes, letter->bytes.size()});
    }
    if (const Status lost = link_.transport().LettersLost(); !lost.ok()) board_.Abort(lost);
    SendNews(Clock::now());
    std::this_thread::sleep_for(kTick);
  }
}

void Courier::SendNews(Deadline now) {
  for (int rank = 0; rank < board_.size(); ++rank) {
    if (!asked_[static_cast<size_t>(rank)].exchange(false, std::memory_order_relaxed)) continue;
    const std::string letter = WriteAskPlace(rank);
    link_.transport().Post(link_.ProcessOf(rank), std::as_bytes(std::span(letter)));
  }
  if (!told_abort_ && board_.aborted()) {
    told_abort_ = true;
    SendToAll(WriteAbort(board_.reason()));
  }
  const Seats& seats = board_.seats();
  std::vector<RankView> views;
  for (int rank = seats.first; rank < seats.end(); ++rank) views.push_back(board_.View(rank));
  if (now < told_at_ + kHeartbeat && !IsNews(views)) return;
  for (const std::string& letter : WriteViews(seats.first, views)) SendToAll(letter);
  told_ = std::move(views);
  told_at_ = now;
}

// Who has left is waited for by others, and who has started is soon missed when it is silent; all
// else may come with the next heartbeat.
bool Courier::IsNews(const std::vector<RankView>& views) const {
  return !std::equal(views.begin(), views.end(), told_.begin(), told_.end(),
                     [](const RankView& a, const RankView& b) {
                       return HasLeft(a.state) == HasLeft(b.state) &&
                              HasStarted(a.state) == HasStarted(b.state) &&
                              a.acknowledged == b.acknowledged;
                     });
}

void Courier::SendToAll(const std::string& letter) {
  for (int process = 0; process < link_.processes(); ++process) {
    if (process == link_.process()) continue;
    link_.transport().Post(process, std::as_bytes(std::span(letter)));
  }
}

template <class F>
bool Courier::AllOthers(const F& is_true) const {
  for (int rank = 0; rank < board_.size(); ++rank) {
    if (!board_.seats().Has(rank) && !is_true(board_.View(rank))) return false;
  }
  return true;
}

void Courier::AwaitOthers() {
  const auto has_left = [](const RankView& view) { return HasLeft(view.state); };
  while (!board_.aborted() && !AllOthers(has_left)) std::this_thread::sleep_for(kTick);
}

void Courier::AwaitFarewell(std::chrono::nanoseconds patience) {
  const auto knows = [](const RankView& view) { return HasLeft(view.state) || view.silent(); };
  const Deadline deadline = Clock::now() + patience;
  while (!AllOthers(knows) && Clock::now() < deadline) std::this_thread::sleep_for(kTick);
  std::this_thread::sleep_for(4 * kTick);  // for the last letters from here
}

}  // namespace eta::parallel
