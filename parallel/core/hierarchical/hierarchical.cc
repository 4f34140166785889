#include "parallel/core/hierarchical/hierarchical.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "parallel/core/beside.h"
#include "parallel/core/check_args.h"
#include "parallel/core/link/link.h"
#include "parallel/core/reduce_blocks.h"
#include "parallel/core/slice.h"

namespace eta::parallel {
namespace {

// Up to this size each process gets the others' sums whole and adds them up itself, which is one
// transfer instead of two.
constexpr size_t kSmallBytes = size_t{32} << 10;

std::byte* Bytes(const Buffer& buffer) { return static_cast<std::byte*>(buffer.data); }

// A mean is made of a sum, when all have been added up.
ReduceOp SumFor(ReduceOp op) { return op == ReduceOp::kMean ? ReduceOp::kSum : op; }

// Thread safety: as Communicator.
class HierarchicalCommunicator final : public Communicator {
 public:
  HierarchicalCommunicator(Board& board, int rank, Link& link)
      : board_(board), rank_(rank), link_(link), neighbours_(board.seats().here) {}

  int rank() const override { return rank_; }
  int size() const override { return board_.size(); }

  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) override {
    if (Status s = CheckAllReduce(input, output, op); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    const bool small = input.bytes() <= kSmallBytes;
    const size_t processes = static_cast<size_t>(link_.processes());
    const size_t memory = small ? input.bytes() * processes : input.bytes();
    return Together(AllReduceSignature(input, op), site, input, memory, [&] {
      return small ? ReduceWhole(input, output, op) : ReduceSlices(input, output, op);
    });
  }

  Work StartAllReduce(std::span<const Buffer> buffers, ReduceOp op, Site site) override {
    if (beside_ == nullptr) beside_ = std::make_unique<Beside>(board_, rank_);
    uint64_t bytes = 0;
    for (const Buffer& buffer : buffers) bytes += buffer.bytes();
    const auto collective = [this, all = std::vector(buffers.begin(), buffers.end()), op,
                             site = std::string(site)] {
      return Communicator::StartAllReduce(all, op, site).status();
    };
    return beside_->Start(collective, bytes);
  }

  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site site) override {
    if (Status s = CheckReduceScatter(input, output, counts, op, rank_, size()); !s.ok()) {
      return Work(s);
    }
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(ReduceScatterSignature(input, counts, op), site, input, input.bytes(),
                    [&] { return ReduceParts(input, output, counts, op); });
  }

  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site site) override {
    if (Status s = CheckAllGather(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    return Together(AllGatherSignature(output, counts), site, input, output.bytes(), [&] {
      const size_t begin = PartOf(counts, rank_).begin * SizeOf(output.dtype);
      if (input.count > 0) std::memcpy(memory_ + begin, input.data, input.bytes());
      Status status = Lead([&] {
        return link_.transport().AllGather(memory_, ProcessBytes(counts, output.dtype), over_);
      });
      if (status.ok()) std::memcpy(output.data, memory_, output.bytes());
      return status;
    });
  }

  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site site) override {
    if (Status s = CheckAllToAll(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckHosts(input, output); !s.ok()) return Work(s);
    const size_t memory = input.bytes() * neighbours_.size();
    return Together(AllToAllSignature(input, counts), site, input, memory,
                    [&] { return SendParts(input, output, counts); });
  }

  Work Broadcast(const Buffer& buffer, int root, Site site) override {
    if (Status s = CheckBroadcast(buffer, root, size()); !s.ok()) return Work(s);
    if (Status s = CheckHost(buffer); !s.ok()) return Work(s);
    return Together(BroadcastSignature(buffer, root), site, buffer, buffer.bytes(), [&] {
      if (rank_ == root) std::memcpy(memory_, buffer.data, buffer.bytes());
      Status status = Lead([&] {
        std::vector<size_t> bytes(static_cast<size_t>(link_.processes()));
        bytes[static_cast<size_t>(link_.ProcessOf(root))] = buffer.bytes();
        return link_.transport().AllGather(memory_, bytes, over_);
      });
      if (status.ok() && rank_ != root) std::memcpy(buffer.data, memory_, buffer.bytes());
      return status;
    });
  }

  Work Barrier(Site site) override {
    return Work(board_.Meet(rank_, {.op = Op::kBarrier}, site, nullptr, 0));
  }

  bool SharesMemory() const override { return false; }
  // On one machine there is nobody to wait for but the other ranks, which use its cores themselves.
  // A single bucket is ready when the pass is over.
  bool TakesBuckets(size_t count) const override { return link_.several_machines() && count > 1; }

  void Abort(const Status& reason) override { board_.Abort(reason); }

 private:
  // What the ranks of a process show each other.
  struct Shown {
    const std::byte* input;
    std::byte* memory;  // the leader's, for transfers
  };

  bool leads() const { return rank_ == board_.seats().first; }

  // Meets the others, and then does the work, which begins with what the ranks here put into
  // memory_, of so many bytes. Nobody's output changes before the transfers have gone well. All
  // ranks agree on the count, and so on skipping the work.
  template <class F>
  Work Together(const Signature& signature, Site site, const Buffer& input, size_t memory,
                const F& work) {
    const Shown mine{Bytes(input), leads() ? link_.Memory(Link::Use::kWhole, memory) : nullptr};
    Status status = board_.Meet(rank_, signature, site, &mine, sizeof(mine));
    if (!status.ok() || signature.count == 0) return Work(std::move(status));
    const PhaseScope reducing(board_.LogAtMeetings(rank_), Phase::kReduce, signature.bytes());
    const Board::Waiting waiting(board_, rank_);
    const int first = board_.seats().first;
    memory_ = board_.Peer<Shown>(rank_, first).memory;
    for (size_t i = 0; i < neighbours_.size(); ++i) {
      neighbours_[i] = board_.Peer<Shown>(rank_, first + static_cast<int>(i)).input;
    }
    status = work();
    // The leader's memory is free for the next one when all have taken what they need.
    if (status.ok()) board_.Finish(rank_);
    return Work(std::move(status));
  }

  // When all ranks here have come: the leader does the transfer, and the others wait for its end.
  template <class F>
  Status Lead(const F& transfer) {
    const Status met = board_.MeetHere(rank_);
    return met.ok() ? board_.Lead(rank_, transfer) : met;
  }

  // Adds up this rank's share of the inputs that are here, into `sums`.
  void AddNeighbours(const Buffer& input, ReduceOp op, std::byte* sums) {
    const size_t element = SizeOf(input.dtype);
    const Seats& seats = board_.seats();
    const Slice slice = OwnedSlice(input.count, element, rank_ - seats.first, seats.here);
    ReduceInBlocks(input.dtype, SumFor(op), neighbours_, slice, at_, sums + slice.begin * element);
  }

  // Adds up the processes' parts, which follow each other in `parts`, at a slice of each.
  void AddProcesses(const std::byte* parts, size_t part_bytes, DType dtype, ReduceOp op,
                    Slice slice, std::byte* sums) {
    std::vector<const std::byte*> inputs;
    for (int p = 0; p < link_.processes(); ++p) {
      inputs.push_back(parts + static_cast<size_t>(p) * part_bytes);
    }
    ReduceInBlocks(dtype, SumFor(op), inputs, slice, at_, sums);
  }

  void FinishMean(const Buffer& output, ReduceOp op) {
    if (op == ReduceOp::kMean) Divide(output.dtype, output.data, output.count, size());
  }

  // Memory: one part for each process.
  Status ReduceWhole(const Buffer& input, const Buffer& output, ReduceOp op) {
    AddNeighbours(input, op, memory_ + static_cast<size_t>(link_.process()) * input.bytes());
    Status status = Lead([&] {
      const std::vector<size_t> bytes(static_cast<size_t>(link_.processes()), input.bytes());
      return link_.transport().AllGather(memory_, bytes, over_);
    });
    if (!status.ok()) return status;
    AddProcesses(memory_, input.bytes(), input.dtype, op, {0, input.count}, Bytes(output));
    FinishMean(output, op);
    return {};
  }

  // Memory: the sums. Each process adds up one slice for all.
  Status ReduceSlices(const Buffer& input, const Buffer& output, ReduceOp op) {
    AddNeighbours(input, op, memory_);
    Status status = Lead([&] { return ReduceAcross(input, op); });
    if (!status.ok()) return status;
    std::memcpy(output.data, memory_, output.bytes());
    FinishMean(output, op);
    return {};
  }

  Status ReduceAcross(const Buffer& input, ReduceOp op) {
    const size_t element = SizeOf(input.dtype);
    const int processes = link_.processes();
    std::vector<size_t> slices;
    for (int p = 0; p < processes; ++p) {
      slices.push_back(OwnedSlice(input.count, element, p, processes).count() * element);
    }
    const size_t own_bytes = slices[static_cast<size_t>(link_.process())];
    const std::vector<size_t> own(slices.size(), own_bytes);
    std::byte* const parts = link_.Memory(Link::Use::kParts, own_bytes * slices.size());
    Status status = link_.transport().AllToAll(memory_, slices, parts, own, over_);
    if (!status.ok()) return status;
    const size_t begin = OwnedSlice(input.count, element, link_.process(), processes).begin;
    AddProcesses(parts, own_bytes, input.dtype, op, {0, own_bytes / element},
                 memory_ + begin * element);
    return link_.transport().AllGather(memory_, slices, over_);
  }

  // Memory: the sums. Each process gets the parts of its own ranks from all.
  Status ReduceParts(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op) {
    AddNeighbours(input, op, memory_);
    const std::vector<size_t> sent = ProcessBytes(counts, input.dtype);
    const size_t own_bytes = sent[static_cast<size_t>(link_.process())];
    const std::vector<size_t> own(sent.size(), own_bytes);
    Status status = Lead([&] {
      std::byte* const parts = link_.Memory(Link::Use::kParts, own_bytes * sent.size());
      return link_.transport().AllToAll(memory_, sent, parts, own, over_);
    });
    if (!status.ok()) return status;
    const auto here = counts.subspan(static_cast<size_t>(board_.seats().first));
    AddProcesses(link_.Memory(Link::Use::kParts, 0), own_bytes, input.dtype, op,
                 PartOf(here, rank_ - board_.seats().first), Bytes(output));
    FinishMean(output, op);
    return {};
  }

  // Memory: for each rank of the job, what those here have for it, in their order. So what comes
  // from a process for a rank here lies together, and is a part of that rank's output.
  Status SendParts(const Buffer& input, const Buffer& output, std::span<const size_t> counts) {
    const size_t element = SizeOf(input.dtype), here = neighbours_.size();
    const size_t place = static_cast<size_t>(rank_ - board_.seats().first);
    for (int to = 0; to < size(); ++to) {
      const Slice part = PartOf(counts, to);
      if (part.count() == 0) continue;
      std::memcpy(memory_ + (part.begin * here + part.count() * place) * element,
                  Bytes(input) + part.begin * element, part.count() * element);
    }
    std::vector<size_t> sent = ProcessBytes(counts, input.dtype), received;
    const size_t own_bytes = sent[static_cast<size_t>(link_.process())];
    for (const int ranks : link_.ranks()) {
      received.push_back(own_bytes * static_cast<size_t>(ranks));
    }
    for (size_t& bytes : sent) bytes *= here;
    Status status = Lead([&] {
      std::byte* const parts =
          link_.Memory(Link::Use::kParts, own_bytes * static_cast<size_t>(size()));
      return link_.transport().AllToAll(memory_, sent, parts, received, over_);
    });
    if (status.ok()) TakeParts(output, counts, own_bytes);
    return status;
  }

  void TakeParts(const Buffer& output, std::span<const size_t> counts, size_t own_bytes) {
    const auto here = counts.subspan(static_cast<size_t>(board_.seats().first));
    const Slice part = PartOf(here, rank_ - board_.seats().first);
    const size_t element = SizeOf(output.dtype);
    const std::byte* from = link_.Memory(Link::Use::kParts, 0);
    std::byte* to = Bytes(output);
    for (const int ranks : link_.ranks()) {
      const size_t bytes = part.count() * element * static_cast<size_t>(ranks);
      if (bytes == 0) return;
      std::memcpy(to, from + part.begin * element * static_cast<size_t>(ranks), bytes);
      from += own_bytes * static_cast<size_t>(ranks);
      to += bytes;
    }
  }

  // What the ranks of each process have together, given what each has.
  std::vector<size_t> ProcessBytes(std::span<const size_t> counts, DType dtype) const {
    std::vector<size_t> bytes;
    for (const int ranks : link_.ranks()) {
      const auto own = counts.first(static_cast<size_t>(ranks));
      bytes.push_back(std::accumulate(own.begin(), own.end(), size_t{0}) * SizeOf(dtype));
      counts = counts.subspan(static_cast<size_t>(ranks));
    }
    return bytes;
  }

  Board& board_;
  const int rank_;
  Link& link_;
  const Transport::Over over_ = [this] { return board_.aborted(); };
  std::byte* memory_ = nullptr;               // the leader's, in the collective in progress
  std::vector<const std::byte*> neighbours_;  // inputs of the ranks here
  std::vector<const std::byte*> at_;          // working memory
  std::unique_ptr<Beside> beside_;            // null until it is needed; last: it uses the rest
};

}  // namespace

Status HierarchicalServes(const Places& places) {
  if (places.link == nullptr) return Invalid("there is one process only; mpirun starts several");
  if (!places.link->transport().ForTensors()) return Invalid("the processes have no MPI");
  const bool all_cpu = std::all_of(places.devices.begin(), places.devices.end(),
                                   [](const Device& d) { return d.kind == Device::Kind::kCpu; });
  return all_cpu ? Status{} : Invalid("it is for ranks on CPUs");
}

Result<std::unique_ptr<Communicator>> MakeHierarchical(Board& board, int rank,
                                                       const Places& places) {
  return std::unique_ptr<Communicator>(
      std::make_unique<HierarchicalCommunicator>(board, rank, *places.link));
}

}  // namespace eta::parallel
