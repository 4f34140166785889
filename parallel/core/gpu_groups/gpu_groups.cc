#include "parallel/core/gpu_groups/gpu_groups.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "parallel/core/check_args.h"
#include "parallel/core/gpu_groups/leader.h"
#include "parallel/core/nccl/connect.h"
#include "parallel/core/nccl/nccl.h"
#include "parallel/core/nccl/stream_work.h"

namespace eta::parallel {
namespace {

using gpu_groups::Groups;
using gpu_groups::Leader;
using nccl::Library;

// Thread safety: as Communicator.
class GpuGroupsCommunicator final : public Communicator {
 public:
  // `leader` is null for ranks that do not lead; `group` is the one that the rank is in.
  GpuGroupsCommunicator(Board& board, int rank, Device device, DeviceOps& ops, Groups::Group group,
                        std::unique_ptr<Leader> leader)
      : board_(board),
        rank_(rank),
        device_(device),
        ops_(ops),
        group_(group),
        leader_(std::move(leader)) {}

  // What still runs when a world has been aborted does not come to an end by itself.
  ~GpuGroupsCommunicator() override {
    if (board_.aborted()) Unblock();
  }

  int rank() const override { return rank_; }
  int size() const override { return board_.size(); }

  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) override {
    if (Status s = CheckAllReduce(input, output, op); !s.ok()) return Work(s);
    const Signature signature = AllReduceSignature(input, op);
    return Together(signature, site, input, output, [&] { return leader_->AllReduce(signature); });
  }

  Work StartAllReduce(std::span<const Buffer> buffers, ReduceOp op, Site site) override {
    if (Status s = CheckAllReduce(buffers, op); !s.ok()) return Work(s);
    const Signature signature = AllReduceSignature(buffers, op);
    return Together(signature, site, buffers, buffers,
                    [&] { return leader_->AllReduce(signature); });
  }

  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site site) override {
    if (Status s = CheckReduceScatter(input, output, counts, op, rank_, size()); !s.ok()) {
      return Work(s);
    }
    const Signature signature = ReduceScatterSignature(input, counts, op);
    return Together(signature, site, input, output,
                    [&] { return leader_->ReduceScatter(signature, counts); });
  }

  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site site) override {
    if (Status s = CheckAllGather(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    const Signature signature = AllGatherSignature(output, counts);
    return Together(signature, site, input, output,
                    [&] { return leader_->AllGather(signature, counts); });
  }

  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site site) override {
    if (Status s = CheckAllToAll(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    const Signature signature = AllToAllSignature(input, counts);
    return Together(signature, site, input, output,
                    [&] { return leader_->AllToAll(signature, counts); });
  }

  Work Broadcast(const Buffer& buffer, int root, Site site) override {
    if (Status s = CheckBroadcast(buffer, root, size()); !s.ok()) return Work(s);
    const Signature signature = BroadcastSignature(buffer, root);
    return Together(signature, site, buffer, buffer, [&] { return leader_->Broadcast(signature); });
  }

  Work Barrier(Site site) override {
    return Work(board_.Meet(rank_, {.op = Op::kBarrier}, site, nullptr, 0));
  }

  // NCCL works in the leaders' memory only.
  Status Register(const Buffer& buffer) override {
    if (Status s = CheckOnDevice(buffer, device_); !s.ok()) return s;
    return leader_ == nullptr ? Status{} : Live(leader_->Register(buffer));
  }
  Status Deregister(const Buffer& buffer) override {
    return leader_ == nullptr ? Status{} : Live(leader_->Deregister(buffer));
  }

  bool SharesMemory() const override { return false; }
  bool TakesBuckets(size_t) const override { return true; }

  void Abort(const Status& reason) override { board_.Abort(reason); }

  void Unblock() override {
    if (leader_ != nullptr) leader_->Abort();
  }

 private:
  // Meets the others; `lead` is called if this rank leads, to enqueue the collective.
  template <class F>
  Work Together(const Signature& signature, Site site, const Buffer& input, const Buffer& output,
                const F& lead) {
    return Together(signature, site, std::span(&input, 1), std::span(&output, 1), lead);
  }
  template <class F>
  Work Together(const Signature& signature, Site site, std::span<const Buffer> inputs,
                std::span<const Buffer> outputs, const F& lead) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (Status s = CheckOnDevice(inputs[i], outputs[i], device_); !s.ok()) return Work(s);
    }
    DeviceStream* const stream = outputs[0].stream;
    Result<std::shared_ptr<DeviceEvent>> event = Mark(stream);
    if (!event) return Work(Live(event.error()));
    const Leader::Member mine{inputs, outputs, event->get()};
    Status met = board_.Meet(rank_, signature, site, &mine, sizeof(mine));
    if (!met.ok() || signature.count == 0) return Work(std::move(met));
    const PhaseScope launching(&board_.log(rank_), Phase::kReduce);
    const PhaseRecord record = nccl::LaunchRecord(board_.log(rank_), signature.bytes());
    Launch(lead);
    const auto check = [this](Status device) {
      if (device.ok() && leader_ != nullptr) device = leader_->Poll();
      return Live(std::move(device));
    };
    return nccl::Started({board_, rank_, *event, stream, check, record});
  }

  // An event at the end of what is on the stream.
  Result<std::shared_ptr<DeviceEvent>> Mark(DeviceStream* stream) {
    auto made = ops_.MakeEvent(device_);
    if (!made) return Unexpected(made.error());
    std::shared_ptr<DeviceEvent> event = std::move(*made);
    const Status recorded = stream == nullptr ? Status{} : event->Record(*stream);
    if (!recorded.ok()) return Unexpected(recorded);
    return event;
  }

  // Nobody leaves before the leaders have enqueued what they will, whatever happens, so that each
  // rank's event says when its buffers are its own again. A leader that fails ends the world before
  // that, so all know.
  template <class F>
  void Launch(const F& lead) {
    const Board::Waiting waiting(board_, rank_);
    if (leader_ != nullptr) {
      members_.clear();
      for (int r = group_.first; r < group_.end; ++r) {
        members_.push_back(board_.Peer<Leader::Member>(rank_, r));
      }
      (void)Live(leader_->Enqueue(members_, lead));
    }
    board_.Finish(rank_);
  }

  Status Live(Status status) {
    return status.ok() ? status : board_.EndBy(rank_, std::move(status));
  }

  Board& board_;
  const int rank_;
  const Device device_;
  DeviceOps& ops_;
  const Groups::Group group_;
  const std::unique_ptr<Leader> leader_;
  std::vector<Leader::Member> members_;  // working memory
};

bool AllOnGpus(std::span<const Device> devices) {
  return std::all_of(devices.begin(), devices.end(),
                     [](const Device& d) { return d.kind == Device::Kind::kCuda; });
}

bool NeedsNccl(const Places& places) { return Groups::Of(places.devices)->count() > 1; }

Result<std::unique_ptr<Leader>> MakeLeader(const Places& places, Device device,
                                           const Groups& groups, int group,
                                           std::unique_ptr<nccl::Comm> comm) {
  auto stream = places.ops->MakeStream(device);
  if (!stream) return Unexpected(stream.error());
  return std::make_unique<Leader>(
      Leader::Parts{*places.ops, device, groups, group, std::move(comm), std::move(*stream)});
}

}  // namespace

Status GpuGroupsServe(const Places& places) {
  if (places.link != nullptr || !AllOnGpus(places.devices)) return Invalid("");
  if (places.ops == nullptr) return Invalid("there is no GPU that can be used");
  const auto groups = Groups::Of(places.devices);
  if (!groups) return Invalid("ranks that share a GPU have to be neighbours");
  if (groups->count() == 1) return {};
  const Result<const Library*> library = Library::Get();
  return library ? Status{} : library.error();
}

Result<std::unique_ptr<Communicator>> MakeGpuGroups(Board& board, int rank, const Places& places) {
  const Groups groups = *Groups::Of(places.devices);
  const int index = groups.IndexOf(rank);
  const Device device = places.DeviceOf(rank);
  const bool leads = groups[index].first == rank;
  std::unique_ptr<nccl::Comm> comm;
  if (groups.count() > 1) {
    const Result<const Library*> library = Library::Get();
    if (!library) return Unexpected(library.error());
    const nccl::Seat seat{rank, device, index};
    auto connected = nccl::ConnectRanks(**library, places.ops, board, rank, groups.count(),
                                        leads ? &seat : nullptr);
    if (!connected) return Unexpected(connected.error());
    comm = std::move(*connected);
  }
  std::unique_ptr<Leader> leader;
  if (leads) {
    auto made = MakeLeader(places, device, groups, index, std::move(comm));
    if (!made) return Unexpected(made.error());
    leader = std::move(*made);
  }
  return std::unique_ptr<Communicator>(std::make_unique<GpuGroupsCommunicator>(
      board, rank, device, *places.ops, groups[index], std::move(leader)));
}

std::string GpuGroupsNotice(const Places& places) {
  return NeedsNccl(places) ? NcclNotice(places) : "";
}

std::string AboutGpuGroups(const Places& places) {
  return NeedsNccl(places) ? AboutNccl(places) : "";
}

}  // namespace eta::parallel
