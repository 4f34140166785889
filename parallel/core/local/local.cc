#include "parallel/core/local/local.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "parallel/core/check_args.h"
#include "parallel/core/reduce_blocks.h"
#include "parallel/core/slice.h"
#include "parallel/core/stream_copy.h"

namespace eta::parallel {
namespace {

// Whether results had better not go through the cache. What is reduced in place was just read, and
// lies there.
bool Streams(const Buffer& input, const Buffer& output) {
  return input.data != output.data && input.bytes() >= kStreamBytes;
}

// Between an ok Meet and Finish a rank reads and writes its peers' buffers; nobody leaves the
// collective before all are done with that, whatever happens.
//
// Thread safety: as Communicator.
class LocalCommunicator final : public Communicator {
 public:
  LocalCommunicator(Board& board, int rank) : board_(board), rank_(rank), peers_(board.size()) {}

  int rank() const override { return rank_; }
  int size() const override { return board_.size(); }

  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) override {
    if (Status s = CheckAllReduce(input, output, op); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(AllReduceSignature(input, op), site, Share(input, output), [&] {
      Streams(input, output) ? ReduceStreaming(input, op) : ReduceCached(input, op);
    });
  }

  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site site) override {
    if (Status s = CheckReduceScatter(input, output, counts, op, rank_, size()); !s.ok()) {
      return Work(s);
    }
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(ReduceScatterSignature(input, counts, op), site, Share(input, output), [&] {
      ReduceInBlocks(input.dtype, op, Inputs(), PartOf(counts, rank_), at_,
                     static_cast<std::byte*>(output.data));
    });
  }

  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site site) override {
    if (Status s = CheckAllGather(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(AllGatherSignature(output, counts), site, Share(input, output), [&] {
      std::byte* out = static_cast<std::byte*>(output.data);
      for (int r = 0; r < size(); ++r) {
        const size_t bytes = counts[r] * SizeOf(output.dtype);
        if (bytes > 0 && out != peers_[r].input) std::memcpy(out, peers_[r].input, bytes);
        out += bytes;
      }
    });
  }

  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site site) override {
    if (Status s = CheckAllToAll(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(AllToAllSignature(input, counts), site, Share(input, output), [&] {
      const Slice part = PartOf(counts, rank_);
      const size_t element = SizeOf(output.dtype), bytes = part.count() * element;
      std::byte* out = static_cast<std::byte*>(output.data);
      for (int r = 0; bytes > 0 && r < size(); ++r, out += bytes) {
        std::memcpy(out, peers_[r].input + part.begin * element, bytes);
      }
    });
  }

  Work Broadcast(const Buffer& buffer, int root, Site site) override {
    if (Status s = CheckBroadcast(buffer, root, size()); !s.ok()) return Work(s);
    if (Status s = CheckHost(buffer); !s.ok()) return Work(s);
    return Together(BroadcastSignature(buffer, root), site, Share(buffer, buffer), [&] {
      if (rank_ != root) std::memcpy(buffer.data, peers_[root].input, buffer.bytes());
    });
  }

  Work Barrier(Site site) override {
    return Work(board_.Meet(rank_, {.op = Op::kBarrier}, site, nullptr, 0));
  }

  bool SharesMemory() const override { return true; }

  void Abort(const Status& reason) override { board_.Abort(reason); }

 private:
  // What a rank shows to the others during a collective.
  struct Memory {
    const std::byte* input;
    std::byte* output;
  };

  static Memory Share(const Buffer& input, const Buffer& output) {
    return {static_cast<const std::byte*>(input.data), static_cast<std::byte*>(output.data)};
  }

  // Meets the others, each with its own `shared` memory, and then, with peers_ filled, works on
  // them. All ranks agree on the count, so that they also agree on skipping the work.
  template <class F>
  Work Together(const Signature& signature, Site site, const Memory& shared, const F& work) {
    Status met = board_.Meet(rank_, signature, site, &shared, sizeof(shared));
    if (!met.ok() || signature.count == 0) return Work(std::move(met));
    for (int r = 0; r < size(); ++r) peers_[r] = board_.Peer<Memory>(rank_, r);
    {
      const PhaseScope reducing(&board_.log(rank_), Phase::kReduce, signature.bytes());
      work();
    }
    board_.Finish(rank_);
    return Work(std::move(met));
  }

  std::span<const std::byte* const> Inputs() {
    inputs_.clear();
    for (const Memory& peer : peers_) inputs_.push_back(peer.input);
    return inputs_;
  }

  // Makes this rank's slice of the results in its own output, and copies it to the others'.
  void ReduceCached(const Buffer& input, ReduceOp op) {
    const size_t element = SizeOf(input.dtype);
    const Memory& own = peers_[rank_];
    ReduceInBlocks(
        input.dtype, op, Inputs(), OwnedSlice(input.count, element, rank_, size()), at_,
        [&](size_t at) { return own.output + at * element; },
        [&](size_t at, size_t count) {
          for (int r = 0; r < size(); ++r) {
            if (r == rank_) continue;
            std::memcpy(peers_[r].output + at * element, own.output + at * element,
                        count * element);
          }
        });
  }

  void ReduceStreaming(const Buffer& input, ReduceOp op) {
    alignas(64) std::byte results[kReduceBlockBytes];
    const size_t element = SizeOf(input.dtype);
    ReduceInBlocks(
        input.dtype, op, Inputs(), OwnedSlice(input.count, element, rank_, size()), at_,
        [&](size_t) { return results; },
        [&](size_t at, size_t count) {
          for (const Memory& peer : peers_) {
            StreamCopy(peer.output + at * element, results, count * element);
          }
        });
  }

  Board& board_;
  const int rank_;
  std::vector<Memory> peers_;  // of the collective in progress, by rank
  // Working memory.
  std::vector<const std::byte*> inputs_, at_;
};

}  // namespace

Status LocalServes(const Places& places) {
  if (places.link != nullptr) return Invalid("its ranks are in one process");
  const bool all_cpu = std::all_of(places.devices.begin(), places.devices.end(),
                                   [](const Device& d) { return d.kind == Device::Kind::kCpu; });
  return all_cpu ? Status{} : Invalid("its ranks share the CPU's memory");
}

Result<std::unique_ptr<Communicator>> MakeLocal(Board& board, int rank, const Places&) {
  return std::unique_ptr<Communicator>(std::make_unique<LocalCommunicator>(board, rank));
}

}  // namespace eta::parallel
