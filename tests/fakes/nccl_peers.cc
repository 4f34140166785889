#include "tests/fakes/nccl_peers.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/fakes/nccl_exchange.h"

namespace eta::fake_nccl {
namespace {

using parallel::nccl::Answer;

// One send or receive in progress.
class Transfer {
 public:
  Transfer(Area& area, int rank, const Operation& operation)
      : operation_(operation),
        box_(sends() ? area.mailbox(rank, operation.root) : area.mailbox(operation.root, rank)),
        bytes_(operation.count * SizeOfType(operation.type)) {}

  bool sends() const { return operation_.kind == Operation::Kind::kSend; }
  int peer() const { return operation_.root; }
  bool done() const { return done_bytes_ == bytes_; }

  // Moves a piece, if it can; false if not.
  bool Advance(std::string* error) { return sends() ? Put() : Take(error); }

 private:
  size_t piece() const { return std::min(Area::Mailbox::kBytes, bytes_ - done_bytes_); }

  bool Put() {
    if (box_.full.load(std::memory_order_acquire)) return false;
    box_.count = operation_.count;
    box_.type = operation_.type;
    std::memcpy(box_.data, static_cast<const std::byte*>(operation_.send) + done_bytes_, piece());
    done_bytes_ += piece();
    box_.full.store(true, std::memory_order_release);
    return true;
  }

  bool Take(std::string* error) {
    if (!box_.full.load(std::memory_order_acquire)) return false;
    if (box_.count != operation_.count || box_.type != operation_.type) {
      *error = "rank " + std::to_string(peer()) + " sends " + Describe(box_.count, box_.type) +
               ", received are " + Describe(operation_.count, operation_.type);
      return false;
    }
    std::memcpy(static_cast<std::byte*>(operation_.receive) + done_bytes_, box_.data, piece());
    done_bytes_ += piece();
    box_.full.store(false, std::memory_order_release);
    return true;
  }

  static std::string Describe(uint64_t count, int type) {
    return std::to_string(count) + " of type " + std::to_string(type);
  }

  const Operation& operation_;
  Area::Mailbox& box_;
  const size_t bytes_;
  size_t done_bytes_ = 0;
};

// Lets each direction between two ranks go on by one piece; false if none could.
bool AdvanceAll(std::vector<Transfer>& transfers, std::string* error) {
  bool moved = false;
  std::set<std::pair<bool, int>> busy;
  for (Transfer& transfer : transfers) {
    if (transfer.done() || !busy.insert({transfer.sends(), transfer.peer()}).second) continue;
    moved |= transfer.Advance(error);
  }
  return moved;
}

}  // namespace

Answer ExchangeWithPeers(Area& area, int rank, int size, std::span<const Operation> operations,
                         const std::function<bool()>& over, std::string* error) {
  std::vector<Transfer> transfers;
  for (const Operation& operation : operations) {
    const bool peer_exists = 0 <= operation.root && operation.root < size;
    if (SizeOfType(operation.type) == 0 || !peer_exists) return Answer::kInvalidArgument;
    transfers.emplace_back(area, rank, operation);
  }
  const auto all_done = [&] {
    return std::all_of(transfers.begin(), transfers.end(), [](auto& t) { return t.done(); });
  };
  for (int i = 0; !all_done(); ++i) {
    if (over()) return Answer::kInternalError;
    if (AdvanceAll(transfers, error)) i = 0;
    if (!error->empty()) return Answer::kInvalidUsage;
    if (i < 200) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
  return Answer::kSuccess;
}

}  // namespace eta::fake_nccl
