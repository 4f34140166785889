#include "parallel/core/nccl/nccl.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "parallel/core/check_args.h"
#include "parallel/core/link/link.h"
#include "parallel/core/nccl/comm.h"
#include "parallel/core/nccl/connect.h"
#include "parallel/core/nccl/parts.h"
#include "parallel/core/nccl/stream_work.h"
#include "parallel/core/reduce.h"

namespace eta::parallel {
namespace {

using nccl::Comm;
using nccl::Library;
using nccl::Stream;

// Thread safety: as Communicator.
class NcclCommunicator final : public Communicator {
 public:
  // `ops` is null on the CPU; then there is no stream either.
  NcclCommunicator(Board& board, int rank, Device device, DeviceOps* ops,
                   std::unique_ptr<Comm> comm, std::unique_ptr<DeviceStream> stream)
      : board_(board),
        rank_(rank),
        device_(device),
        ops_(ops),
        comm_(std::move(comm)),
        stream_(std::move(stream)) {}

  // What still runs when a world has been aborted does not come to an end by itself.
  ~NcclCommunicator() override {
    if (board_.aborted()) comm_->Abort();
  }

  int rank() const override { return rank_; }
  int size() const override { return board_.size(); }

  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) override {
    if (Status s = CheckAllReduce(input, output, op); !s.ok()) return Work(s);
    if (Status s = CheckPlaces(input, output); !s.ok()) return Work(s);
    return Together(AllReduceSignature(input, op), site, output, [&](void* out, Stream stream) {
      return comm_->AllReduce(input.data, out, input.count, input.dtype, op, stream);
    });
  }

  // One launch on a device.
  Work StartAllReduce(std::span<const Buffer> buffers, ReduceOp op, Site site) override {
    if (ops_ == nullptr) return Communicator::StartAllReduce(buffers, op, site);
    if (Status s = CheckAllReduce(buffers, op); !s.ok()) return Work(s);
    for (const Buffer& buffer : buffers) {
      if (Status s = CheckPlace(buffer); !s.ok()) return Work(s);
    }
    const Signature signature = AllReduceSignature(buffers, op);
    Status met = board_.Meet(rank_, signature, site, nullptr, 0);
    if (!met.ok() || signature.count == 0) return Work(std::move(met));
    return OnStream(signature, buffers,
                    [&](Stream stream) { return AllReduceAll(*comm_, buffers, op, stream); });
  }

  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site site) override {
    if (Status s = CheckReduceScatter(input, output, counts, op, rank_, size()); !s.ok()) {
      return Work(s);
    }
    if (Status s = CheckPlaces(input, output); !s.ok()) return Work(s);
    return Together(ReduceScatterSignature(input, counts, op), site, output,
                    [&](void* out, Stream stream) {
                      return ReduceScatterParts(*comm_, rank_, input.data, out, counts, input.dtype,
                                                op, stream);
                    });
  }

  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site site) override {
    if (Status s = CheckAllGather(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckPlaces(input, output); !s.ok()) return Work(s);
    return Together(
        AllGatherSignature(output, counts), site, output, [&](void* out, Stream stream) {
          return AllGatherParts(*comm_, rank_, input.data, out, counts, input.dtype, stream);
        });
  }

  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site site) override {
    if (Status s = CheckAllToAll(input, output, counts, rank_, size()); !s.ok()) return Work(s);
    if (Status s = CheckPlaces(input, output); !s.ok()) return Work(s);
    return Together(AllToAllSignature(input, counts), site, output, [&](void* out, Stream stream) {
      return AllToAllParts(*comm_, rank_, input.data, out, counts, input.dtype, stream);
    });
  }

  Work Broadcast(const Buffer& buffer, int root, Site site) override {
    if (Status s = CheckBroadcast(buffer, root, size()); !s.ok()) return Work(s);
    if (Status s = CheckPlace(buffer); !s.ok()) return Work(s);
    return Together(BroadcastSignature(buffer, root), site, buffer, [&](void* out, Stream stream) {
      return comm_->Broadcast(buffer.data, out, buffer.count, buffer.dtype, root, stream);
    });
  }

  Work Barrier(Site site) override {
    return Work(board_.Meet(rank_, {.op = Op::kBarrier}, site, nullptr, 0));
  }

  Status Register(const Buffer& buffer) override {
    if (Status s = CheckPlace(buffer); !s.ok()) return s;
    return Live(comm_->Register(buffer.data, buffer.bytes()));
  }
  Status Deregister(const Buffer& buffer) override { return Live(comm_->Deregister(buffer.data)); }

  bool SharesMemory() const override { return false; }
  bool TakesBuckets(size_t) const override { return true; }

  void Abort(const Status& reason) override { board_.Abort(reason); }

  void Unblock() override { comm_->Abort(); }

 private:
  Status CheckPlace(const Buffer& buffer) const {
    return ops_ == nullptr ? CheckHost(buffer) : CheckOnDevice(buffer, device_);
  }
  Status CheckPlaces(const Buffer& input, const Buffer& output) const {
    return ops_ == nullptr ? CheckHosts(input, output) : CheckOnDevice(input, output, device_);
  }

  // Meets the others, and then does call(out, stream), which writes the result for `output`.
  template <class Call>
  Work Together(const Signature& signature, Site site, const Buffer& output, const Call& call) {
    Status met = board_.Meet(rank_, signature, site, nullptr, 0);
    if (!met.ok() || signature.count == 0) return Work(std::move(met));
    if (ops_ == nullptr) return Work(OnHost(signature, site, output, call));
    return OnStream(signature, {&output, 1},
                    [&](Stream stream) { return call(output.data, stream); });
  }

  // Either all ranks come to have the result in their own memory, or nobody's buffer changes.
  template <class Call>
  Status OnHost(const Signature& signature, Site site, const Buffer& output, const Call& call) {
    const PhaseScope reducing(&board_.log(rank_), Phase::kReduce, signature.bytes());
    result_.resize(std::max(result_.size(), output.bytes()));
    {
      const Board::Waiting waiting(board_, rank_);
      if (Status s = Live(call(result_.data(), nullptr)); !s.ok()) return s;
    }
    if (signature.reduce == ReduceOp::kMean) {
      Divide(output.dtype, result_.data(), output.count, size());
    }
    if (Status s = board_.Meet(rank_, signature, site, nullptr, 0); !s.ok()) return s;
    if (output.count > 0) std::memcpy(output.data, result_.data(), output.bytes());
    return {};
  }

  // Does call(stream), which writes the results for `outputs`.
  template <class Call>
  Work OnStream(const Signature& signature, std::span<const Buffer> outputs, const Call& call) {
    const PhaseScope launching(&board_.log(rank_), Phase::kReduce);
    const PhaseRecord record = nccl::LaunchRecord(board_.log(rank_), signature.bytes());
    Result<std::shared_ptr<DeviceEvent>> done = Enqueue(signature, outputs, call);
    if (!done) return Work(Live(done.error()));
    const auto check = [this](Status device) {
      return Live(device.ok() ? comm_->Poll() : std::move(device));
    };
    return nccl::Started({board_, rank_, *done, outputs[0].stream, check, record});
  }

  template <class Call>
  Result<std::shared_ptr<DeviceEvent>> Enqueue(const Signature& signature,
                                               std::span<const Buffer> outputs, const Call& call) {
    const Board::Waiting waiting(board_, rank_);  // for NCCL to accept the call
    auto made = ops_->MakeEvent(device_);
    if (!made) return Unexpected(made.error());
    std::shared_ptr<DeviceEvent> event = std::move(*made);
    Status status;
    if (outputs[0].stream != nullptr) {
      status = event->Record(*outputs[0].stream);
      if (status.ok()) status = event->Block(*stream_);
    }
    if (status.ok()) status = comm_->Poll();
    if (status.ok()) status = call(stream_->native());
    for (const Buffer& output : outputs) {
      if (!status.ok() || signature.reduce != ReduceOp::kMean) break;
      status = ops_->Divide(output, size(), *stream_);
    }
    if (status.ok()) status = event->Record(*stream_);
    if (!status.ok()) return Unexpected(std::move(status));
    return event;
  }

  // A failure of NCCL or of the device ends the world; what comes out is why it ended.
  Status Live(Status status) {
    return status.ok() ? status : board_.EndBy(rank_, std::move(status));
  }

  Board& board_;
  const int rank_;
  const Device device_;
  DeviceOps* const ops_;
  const std::unique_ptr<Comm> comm_;
  const std::unique_ptr<DeviceStream> stream_;  // the collectives run on it
  std::vector<std::byte> result_;               // on the CPU: before it is everybody's
};

bool AllOnCpu(std::span<const Device> devices) {
  return std::all_of(devices.begin(), devices.end(),
                     [](const Device& d) { return d.kind == Device::Kind::kCpu; });
}

bool OneRankPerGpu(std::span<const Device> devices) {
  for (size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].kind != Device::Kind::kCuda) return false;
    if (std::find(devices.begin(), devices.begin() + i, devices[i]) != devices.begin() + i) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status NcclServes(const Places& places) {
  const bool on_cpu = AllOnCpu(places.devices);
  if (on_cpu && nccl::PathFromEnvironment().empty()) {
    if (places.link != nullptr && !places.link->transport().ForTensors()) {
      return Invalid(
          "processes that torchrun started exchange tensors over NCCL, which is for GPUs; for CPUs "
          "start them over MPI, with mpirun (Debian's package openmpi-bin) or mpiexec (mpich)");
    }
    return Invalid(std::string("NCCL is for GPUs; for a library that serves the CPU, ") +
                   nccl::kPathVariable + " says where it is");
  }
  if (!on_cpu && !OneRankPerGpu(places.devices)) {
    return Invalid(
        "NCCL wants one GPU for each rank; for ranks of one process that share GPUs there is "
        "gpu-groups");
  }
  if (!on_cpu && places.ops == nullptr) return Invalid("there is no GPU that can be used");
  const Result<const Library*> library = Library::Get();
  return library ? Status{} : library.error();
}

Result<std::unique_ptr<Communicator>> MakeNccl(Board& board, int rank, const Places& places) {
  const Result<const Library*> library = Library::Get();
  if (!library) return Unexpected(library.error());
  const Device device = places.DeviceOf(rank);
  DeviceOps* const ops = device.kind == Device::Kind::kCpu ? nullptr : places.ops;
  std::unique_ptr<DeviceStream> stream;
  if (ops != nullptr) {
    auto made = ops->MakeStream(device);
    if (!made) return Unexpected(made.error());
    stream = std::move(*made);
  }
  const nccl::Seat seat{rank, device};
  auto comm = nccl::ConnectRanks(**library, ops, board, rank, board.size(), &seat);
  if (!comm) return Unexpected(comm.error());
  return std::unique_ptr<Communicator>(std::make_unique<NcclCommunicator>(
      board, rank, device, ops, std::move(*comm), std::move(stream)));
}

std::string NcclNotice(const Places&) {
  const Result<const Library*> library = Library::Get();
  return library ? (*library)->Lacks() : "";
}

std::string AboutNccl(const Places&) {
  const Result<const Library*> library = Library::Get();
  return library ? "NCCL " + (*library)->version() : "";
}

}  // namespace eta::parallel
