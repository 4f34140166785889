#include "parallel/core/world.h"

#include <thread>
#include <utility>

#include "parallel/core/report.h"

namespace eta::parallel {
namespace {

bool CoreForEach(const WorldOptions& options) {
  const size_t cores =
      options.cores > 0 ? static_cast<size_t>(options.cores) : std::thread::hardware_concurrency();
  return options.devices.size() <= cores;
}

}  // namespace

Result<std::shared_ptr<World>> World::Create(WorldOptions options) {
  if (options.devices.empty()) return Unexpected(Invalid("a world needs at least one rank"));
  if (options.stall_timeout <= std::chrono::nanoseconds(0)) {
    return Unexpected(Invalid("the stall timeout must be positive"));
  }
  Result<const Backend*> backend =
      ChooseBackend(options.backend, {options.devices, options.device_ops.get()});
  if (!backend) return Unexpected(backend.error());
  return std::shared_ptr<World>(new World(std::move(options), *backend));
}

World::World(WorldOptions options, const Backend* backend)
    : devices_(options.devices),
      device_ops_(options.device_ops),
      backend_(backend),
      board_(static_cast<int>(devices_.size()), options.stall_timeout, CoreForEach(options),
             options.journal) {
  if (size() == 1) return;
  SupervisorOptions supervisor = std::move(options.supervisor);
  supervisor.abort_backends = [this](const Status&) { UnblockBackends(); };
  supervisor_ = std::make_unique<Supervisor>(board_, std::move(supervisor));
}

World::~World() = default;

Result<std::unique_ptr<Member>> World::Join(const std::shared_ptr<World>& world, int rank) {
  if (rank < 0 || rank >= world->size() || !world->board_.Join(rank)) {
    return Unexpected(Invalid("there is no free seat for rank " + std::to_string(rank)));
  }
  // Taken under the board's lock after the seat: either this sees an abort, or whoever enforces the
  // abort sees the seat taken.
  if (Status over = world->board_.reason(); !over.ok()) {
    world->GiveUpRank(rank, over.message);
    return Unexpected(std::move(over));
  }
  auto made = world->backend_->make(world->board_, rank, world->places());
  if (!made) {
    world->GiveUpRank(rank, made.error().message);
    return Unexpected(made.error());
  }
  std::shared_ptr<Communicator> communicator = std::move(*made);
  {
    MutexLock lock(world->mu_);
    world->communicators_.push_back(communicator);
  }
  return std::unique_ptr<Member>(new Member(world, rank, communicator.get()));
}

void World::GiveUpRank(int rank, const std::string& why) {
  board_.LeaveFailed(rank, "rank " + std::to_string(rank) + " could not start: " + why);
  ReleaseIfAllLeft();
}

World::Outcome World::Wait() {
  board_.WaitUntilAllLeft();
  if (board_.aborted()) return {board_.reason(), 1};
  const std::vector<RankView> ranks = board_.ViewAll();
  for (const RankView& view : ranks) {
    if (view.exit_code != ranks[0].exit_code) return {ExitCodesStatus(ranks), 1};
  }
  return {{}, ranks[0].exit_code};
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
