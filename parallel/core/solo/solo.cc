#include "parallel/core/solo/solo.h"

#include <cstring>

#include "parallel/core/check_args.h"

namespace eta::parallel {
namespace {

// Thread safety: as Communicator.
class SoloCommunicator final : public Communicator {
 public:
  explicit SoloCommunicator(Board& board) : board_(board) {}

  int rank() const override { return 0; }
  int size() const override { return 1; }

  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site) override {
    return Copy(CheckAllReduce(input, output, op), input, output);
  }
  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site) override {
    return Copy(CheckReduceScatter(input, output, counts, op, 0, 1), input, output);
  }
  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site) override {
    return Copy(CheckAllGather(input, output, counts, 0, 1), input, output);
  }
  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site) override {
    return Copy(CheckAllToAll(input, output, counts, 0, 1), input, output);
  }
  Work Broadcast(const Buffer& buffer, int root, Site) override {
    return Finish(CheckBroadcast(buffer, root, 1));
  }
  Work Barrier(Site) override { return Finish({}); }

  bool SharesMemory() const override { return true; }

  void Abort(const Status& reason) override { board_.Abort(reason); }

 private:
  Work Finish(Status checked) {
    if (checked.ok() && board_.aborted()) return Work(board_.Acknowledge(0));
    return Work(std::move(checked));
  }

  Work Copy(Status checked, const Buffer& input, const Buffer& output) {
    const bool moves = input.data != output.data && input.count > 0;
    if (checked.ok() && moves) checked = CheckHosts(input, output);
    Work work = Finish(std::move(checked));
    if (work.status().ok() && moves) std::memcpy(output.data, input.data, input.bytes());
    return work;
  }

  Board& board_;
};

}  // namespace

Status SoloServes(const Places& places) {
  if (places.devices.size() != 1 || places.link != nullptr) return Invalid("it is for one rank");
  if (places.devices[0].kind != Device::Kind::kCpu) return Invalid("it is for the CPU");
  return {};
}

Result<std::unique_ptr<Communicator>> MakeSolo(Board& board, int, const Places&) {
  return std::unique_ptr<Communicator>(std::make_unique<SoloCommunicator>(board));
}

}  // namespace eta::parallel
