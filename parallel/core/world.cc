#include "parallel/core/world.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>

#include "parallel/core/hierarchical/hierarchical.h"
#include "parallel/core/local/local.h"
#include "parallel/core/report.h"

namespace eta::parallel {
namespace {

int CoresOf(const WorldOptions& options) {
  return options.cores > 0 ? options.cores : static_cast<int>(std::thread::hardware_concurrency());
}

using Hook = std::function<void(int rank)>;

// The hook for ranks of a successor, from the one for those that they were.
Hook WithNumbersOf(std::span<const int> former, const Hook& hook) {
  if (!hook) return nullptr;
  return [hook, former = std::vector<int>(former.begin(), former.end())](int rank) {
    hook(former[static_cast<size_t>(rank)]);
  };
}

Seats SeatsOf(const WorldOptions& options) {
  const int here = static_cast<int>(options.devices.size());
  return options.link ? options.link->seats() : Seats{.size = here};
}

WorldOptions WithJournal(WorldOptions options) {
  if (!options.journal) {
    const Seats seats = SeatsOf(options);
    options.journal = std::make_shared<Journal>(seats.here, PhaseLog::kUsualCapacity, seats.first);
  }
  return options;
}

// Made for each rank, of those that are here.
Result<std::unique_ptr<Communicator>> MakeHostCommunicator(Board& board, int rank,
                                                           const Places& places) {
  return places.link == nullptr ? MakeLocal(board, rank, places)
                                : MakeHierarchical(board, rank, places);
}

}  // namespace

Result<std::shared_ptr<World>> World::Create(WorldOptions options) {
  if (options.devices.empty()) return Unexpected(Invalid("a world needs at least one rank"));
  if (options.stall_timeout <= std::chrono::nanoseconds(0)) {
    return Unexpected(Invalid("the stall timeout must be positive"));
  }
  const Result<const Backend*> backend = ChooseBackend(options.backend, PlacesOf(options));
  if (!backend) return Unexpected(backend.error());
  std::vector<int> origins(static_cast<size_t>(SeatsOf(options).size));
  std::iota(origins.begin(), origins.end(), 0);
  return std::shared_ptr<World>(new World(std::move(options), *backend, std::move(origins)));
}

World::World(WorldOptions options, const Backend* backend, std::vector<int> origins)
    : options_(WithJournal(std::move(options))),
      backend_(backend),
      origins_(std::move(origins)),
      board_(SeatsOf(options_), options_.stall_timeout, CoresOf(options_), options_.journal,
             options_.link.get()) {
  if (size() == 1) return;
  SupervisorOptions supervisor = options_.supervisor;
  if (options_.link) {
    courier_ = std::make_unique<Courier>(board_, *options_.link, supervisor.ask_place);
    supervisor.ask_place = [this](int rank) {
      if (!seats().Has(rank)) return courier_->AskPlace(rank);
      if (options_.supervisor.ask_place) options_.supervisor.ask_place(rank);
    };
  }
  supervisor.abort_backends = [this](const Status&) { UnblockBackends(); };
  supervisor_ = std::make_unique<Supervisor>(board_, std::move(supervisor));
}

World::~World() = default;

Result<std::unique_ptr<Member>> World::Join(const std::shared_ptr<World>& world, int rank) {
  if (!world->seats().Has(rank) || !world->board_.Join(rank)) {
    return Unexpected(Invalid("there is no free seat for rank " + std::to_string(rank)));
  }
  // Taken under the board's lock after the seat: either this sees an abort, or whoever enforces the
  // abort sees the seat taken.
  if (Status over = world->board_.reason(); !over.ok()) {
    world->GiveUpRank(rank, over.message);
    return Unexpected(std::move(over));
  }
  const Places places = PlacesOf(world->options_);
  auto made = world->backend_->make(world->board_, rank, places);
  auto host = MakeHostCommunicator(world->board_, rank, places);
  if (!made) {
    world->GiveUpRank(rank, made.error().message);
    return Unexpected(made.error());
  }
  std::shared_ptr<Communicator> communicator = std::move(*made);
  {
    MutexLock lock(world->mu_);
    world->communicators_.push_back(communicator);
  }
  return std::unique_ptr<Member>(new Member(world, rank, communicator.get(), std::move(*host)));
}

void World::GiveUpRank(int rank, const std::string& why) {
  board_.LeaveFailed(rank, "rank " + std::to_string(rank) + " could not start: " + why);
  ReleaseIfAllLeft();
}

World::Outcome World::Wait() {
  board_.WaitUntilAllLeft();
  if (const auto next = successor()) return next->Wait();
  if (courier_) PartFromOthers();
  return OutcomeOfAll();
}

// In good order if all ranks of all processes have left in peace. After an abort the others get the
// time to hear of it from here, before whoever started this process takes its end for a reason to
// end them.
void World::PartFromOthers() {
  courier_->AwaitOthers();
  if (board_.aborted()) return courier_->AwaitFarewell(options_.supervisor.abort_deadline);
  const Deadline end = Clock::now() + SilenceLimit(options_.stall_timeout);
  const auto over = [this, end] { return board_.aborted() || Clock::now() >= end; };
  Status closed = options_.link->transport().Close(over);
  if (closed.code == Code::kAborted) {
    closed = {Code::kStalled, "not all processes have come to the end of the run", -1};
  }
  if (!closed.ok()) board_.Abort(closed);  // to no effect if that is why it has failed
}

World::Outcome World::OutcomeOfAll() const {
  if (board_.aborted()) return {board_.reason(), 1};
  const std::vector<RankView> ranks = board_.ViewAll();
  for (const RankView& view : ranks) {
    if (view.exit_code != ranks[0].exit_code) return {ExitCodesStatus(ranks), 1};
  }
  return {{}, ranks[0].exit_code};
}

void World::Abort(const Status& reason) {
  board_.Abort(reason);
  if (const auto next = successor()) next->Abort(reason);
}

// --- successors ----------------------------------------------------------------------------------

std::shared_ptr<World> World::successor() const {
  MutexLock lock(mu_);
  return successor_;
}

Result<std::shared_ptr<World>> World::MakeSuccessor(std::span<const int> staying) {
  if (const auto made = successor()) return made;
  if (options_.link) return Unexpected(Invalid("replicas in several processes stay together"));
  WorldOptions options = OptionsFor(staying);
  const Result<const Backend*> backend = ChooseBackend(options.backend, PlacesOf(options));
  if (!backend) return Unexpected(backend.error());
  std::vector<int> origins;
  for (int rank : staying) origins.push_back(origin(rank));
  std::shared_ptr<World> mine(new World(std::move(options), *backend, std::move(origins))), made;
  {
    MutexLock lock(mu_);
    if (!successor_) successor_ = std::move(mine);
    made = successor_;
  }
  // Whoever aborts this world first closes it and then looks for a successor.
  if (board_.aborted()) made->Abort(board_.reason());
  return made;
}

WorldOptions World::OptionsFor(std::span<const int> staying) const {
  WorldOptions options = options_;
  options.devices.clear();
  for (int rank : staying) options.devices.push_back(options_.devices[static_cast<size_t>(rank)]);
  options.journal = std::make_shared<Journal>(*options_.journal, staying);
  options.supervisor.interrupt = WithNumbersOf(staying, options_.supervisor.interrupt);
  options.supervisor.ask_place = WithNumbersOf(staying, options_.supervisor.ask_place);
  return options;
}

Places World::PlacesOf(const WorldOptions& options) {
  return {options.devices, options.device_ops.get(), options.link.get(), SeatsOf(options).first};
}

void World::UnblockBackends() {
  std::vector<std::shared_ptr<Communicator>> communicators;
  {
    // Not while unblocking: that takes its time, and ranks that leave take the lock.
    MutexLock lock(mu_);
    communicators = communicators_;
  }
  for (const auto& communicator : communicators) communicator->Unblock();
}

void World::ReleaseIfAllLeft() {
  if (!board_.AllLeft()) return;
  std::vector<std::shared_ptr<Communicator>> communicators;
  // Destructors run outside the lock.
  MutexLock lock(mu_);
  communicators.swap(communicators_);
}

// It leaves its seat when the next one is sure.
Status Member::MoveOn(std::span<const int> staying) {
  const std::shared_ptr<World> former = world_;
  const auto next = former->MakeSuccessor(staying);
  if (!next) {
    former->Abort(next.error());
    return next.error();
  }
  const auto at = std::find(staying.begin(), staying.end(), rank_);
  auto seat = World::Join(*next, static_cast<int>(at - staying.begin()));
  if (!seat) {
    former->Abort(seat.error());
    return seat.error();
  }
  const RankView view = former->board().View(rank_);
  former->board().LeaveReturned(std::exchange(rank_, (*seat)->rank_));
  former->ReleaseIfAllLeft();
  world_ = *next;
  communicator_ = (*seat)->communicator_;
  host_communicator_ = std::move((*seat)->host_communicator_);
  (*seat)->left_ = true;  // this member has it now
  board().SetStallTimeout(rank_, view.stall_timeout);
  SetStep(view.step);
  SetPlace(view.place);
  return {};
}

Member::~Member() {
  if (!left_) Fail("", "its thread ended without a word");
}

void Member::Return() {
  Leave([this] { board().LeaveReturned(rank_); });
}

void Member::Exit(int code, Site place) {
  if (!place.empty()) SetPlace(place);
  Leave([&] { board().LeaveExited(rank_, code); });
}

void Member::Fail(Site place, const std::string& message) {
  if (!place.empty()) SetPlace(place);
  Leave([&] { board().LeaveFailed(rank_, FailureStatus(rank_, place, message).message); });
}

}  // namespace eta::parallel
