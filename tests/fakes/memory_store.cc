#include "tests/fakes/memory_store.h"

#include <deque>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

// What there is at a port.
struct Shelf {
  Mutex mu;
  CondVar changed;
  std::map<std::string, std::string> values GUARDED_BY(mu);
  std::map<std::string, int64_t> counts GUARDED_BY(mu);
  std::map<std::string, std::deque<std::string>> queues GUARDED_BY(mu);
  bool stopped GUARDED_BY(mu) = false;
  bool killed GUARDED_BY(mu) = false;
};

std::shared_ptr<Shelf> ShelfAt(uint16_t port) {
  static Mutex mu;
  static auto* const shelves = new std::map<uint16_t, std::shared_ptr<Shelf>>;
  MutexLock lock(mu);
  auto& shelf = (*shelves)[port];
  if (!shelf) shelf = std::make_shared<Shelf>();
  return shelf;
}

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}

  Status Set(const std::string& key, const std::string& value) override {
    return Locked([&](Shelf& shelf) { shelf.values[key] = value; });
  }

  Result<std::vector<std::string>> Get(const std::vector<std::string>& keys,
                                       std::chrono::milliseconds time) override {
    const Deadline end = Clock::now() + time;
    std::vector<std::string> found;
    while (found.size() < keys.size()) {
      found.clear();
      Status status = Locked([&](Shelf& shelf) {
        for (const std::string& key : keys) {
          const auto value = shelf.values.find(key);
          if (value != shelf.values.end()) found.push_back(value->second);
        }
        if (found.size() < keys.size()) shelf.changed.WaitUntil(shelf.mu, end);
      });
      if (status.ok() && found.size() < keys.size() && Clock::now() >= end) {
        status = {Code::kStalled, "the time is up", -1};
      }
      if (!status.ok()) return Unexpected(std::move(status));
    }
    return found;
  }

  Status Delete(const std::string& key) override {
    return Locked([&](Shelf& shelf) { shelf.values.erase(key); });
  }

  Result<int64_t> Add(const std::string& key, int64_t value) override {
    int64_t sum = 0;
    Status status = Locked([&](Shelf& shelf) { sum = shelf.counts[key] += value; });
    if (!status.ok()) return Unexpected(std::move(status));
    return sum;
  }

  Status Push(const std::string& queue, const std::string& value) override {
    return Locked([&](Shelf& shelf) { shelf.queues[queue].push_back(value); });
  }

  Result<std::optional<std::string>> Pop(const std::string& name) override {
    std::optional<std::string> first;
    Status status = Locked([&](Shelf& shelf) {
      auto& queue = shelf.queues[name];
      if (queue.empty()) return;
      first = std::move(queue.front());
      queue.pop_front();
    });
    if (!status.ok()) return Unexpected(std::move(status));
    return first;
  }

 private:
  template <class F>
  Status Locked(const F& f) {
    MutexLock lock(shelf_->mu);
    while (shelf_->stopped) shelf_->changed.Wait(shelf_->mu);
    if (shelf_->killed) return {Code::kPeerFailed, "the connection is closed", -1};
    f(*shelf_);
    shelf_->changed.NotifyAll();
    return {};
  }

  const std::shared_ptr<Shelf> shelf_;
};

void SetStopped(uint16_t port, bool stopped) {
  const auto shelf = ShelfAt(port);
  MutexLock lock(shelf->mu);
  shelf->stopped = stopped;
  shelf->changed.NotifyAll();
}

}  // namespace

void OpenMemoryStore(const StoreAddress* address, Result<std::unique_ptr<Store>>* store) {
  *store = std::unique_ptr<Store>(std::make_unique<MemoryStore>(ShelfAt(address->port)));
}

void StopMemoryStore(uint16_t port) { SetStopped(port, true); }
void ContinueMemoryStore(uint16_t port) { SetStopped(port, false); }

void KillMemoryStore(uint16_t port) {
  const auto shelf = ShelfAt(port);
  MutexLock lock(shelf->mu);
  shelf->killed = true;
  shelf->changed.NotifyAll();
}

size_t SizeOfMemoryStore(uint16_t port) {
  const auto shelf = ShelfAt(port);
  MutexLock lock(shelf->mu);
  return shelf->values.size();
}

}  // namespace eta::parallel
