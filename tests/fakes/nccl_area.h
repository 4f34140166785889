// Area: memory in which the ranks of one communicator of the fake NCCL meet and hand data over,
// whether they are threads of one process or processes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace eta::fake_nccl {

// What a rank is about to do.
struct Operation {
  enum class Kind { kAllReduce, kReduceScatter, kAllGather, kBroadcast, kReduce, kSend, kReceive };
  Kind kind;
  const void* send;
  void* receive;
  uint64_t count;
  int type;
  int op;
  int root;  // or the peer

  bool with_peer() const { return kind == Kind::kSend || kind == Kind::kReceive; }
};

// Thread safety: one thread per rank; Make from any.
class Area {
 public:
  static constexpr int kMaxRanks = 64;
  // What a rank can hand over at once.
  static constexpr size_t kSlotBytes = size_t{256} << 10;

  // Makes the memory, and the name by which all processes of this user find it as long as this one
  // lives. Empty if there is no memory.
  static std::string Make();
  // Null if there is no such memory.
  static std::unique_ptr<Area> Open(const std::string& name, int rank, int size);
  // Nobody needs the name any more. Does nothing in the processes that did not make it.
  static void Forget(const std::string& name);

  ~Area();
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;

  // Returns once all ranks have called it; false if `over` became true before that.
  bool Meet(const std::function<bool()>& over);

  // What rank r said before the last meeting.
  Operation& operation(int rank) { return lines()[rank].operation; }
  // Where rank r puts its data, and its results.
  std::byte* input(int rank) { return slots() + 2 * static_cast<size_t>(rank) * kSlotBytes; }
  std::byte* result(int rank) { return input(rank) + kSlotBytes; }

  // For what goes from one rank to another, piece by piece: it is full from when the sender has put
  // one there until the receiver has taken it.
  struct alignas(64) Mailbox {
    static constexpr size_t kBytes = 16 << 10;
    std::atomic<bool> full;
    uint64_t count;  // of the whole
    int type;
    std::byte data[kBytes];
  };
  Mailbox& mailbox(int from, int to) {
    auto* const all = reinterpret_cast<Mailbox*>(slots() + 2 * kSlotBytes * kMaxRanks);
    return all[from * kMaxRanks + to];
  }

 private:
  struct alignas(64) Line {
    std::atomic<uint64_t> arrived;
    Operation operation;
  };
  Area(void* memory, int rank, int size)
      : memory_(static_cast<std::byte*>(memory)), rank_(rank), size_(size) {}
  // Pages come when they are used.
  static constexpr size_t kBytes = sizeof(Line) * kMaxRanks + 2 * kSlotBytes * kMaxRanks +
                                   sizeof(Mailbox) * kMaxRanks * kMaxRanks;
  Line* lines() { return reinterpret_cast<Line*>(memory_); }
  std::byte* slots() { return memory_ + sizeof(Line) * kMaxRanks; }

  std::byte* const memory_;
  const int rank_, size_;
};

}  // namespace eta::fake_nccl
