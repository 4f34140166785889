#include "parallel/core/nccl/connect.h"

#include <utility>
#include <vector>

#include "parallel/core/report.h"

namespace eta::parallel::nccl {
namespace {

using parallel::Code;

constexpr Signature kStart{.op = Op::kExchange, .name = "start of NCCL"};

// The id that rank 0 makes, on all ranks.
Result<UniqueId> ShareId(const Library& library, Board& board, int rank) {
  UniqueId id{};
  if (rank == 0) {
    Result<UniqueId> made = Comm::MakeId(library);
    if (!made) return Unexpected(made.error());
    id = *made;
  }
  if (Status s = board.Meet(rank, kStart, "", &id, sizeof(id)); !s.ok()) return Unexpected(s);
  return board.Peer<UniqueId>(rank, 0);
}

// Those that have not come on to the meeting which follows the connecting.
std::vector<int> Unconnected(const Board& board, int rank) {
  std::vector<int> ranks;
  const uint64_t sequence = board.View(rank).sequence;
  for (int r = 0; r < board.size(); ++r) {
    if (board.View(r).sequence <= sequence) ranks.push_back(r);
  }
  return ranks;
}

Result<std::unique_ptr<Comm>> ConnectSeat(const Library& library, DeviceOps* ops, Board& board,
                                          const UniqueId& id, int size, const Seat& seat) {
  const int rank = seat.rank;
  const auto over = [&] { return board.aborted() ? board.Acknowledge(rank) : Status{}; };
  auto comms = Comm::Connect(library, ops, id, size, std::span(&seat, 1),
                             Clock::now() + board.View(rank).stall_timeout, over);
  if (comms) return std::move((*comms)[0]);
  Status status = comms.error();
  if (status.code == Code::kStalled) {
    status.message = "NCCL has not connected " + ListRanks(Unconnected(board, rank)) + " in time";
  }
  return Unexpected(std::move(status));
}

}  // namespace

Result<std::unique_ptr<Comm>> ConnectRanks(const Library& library, DeviceOps* ops, Board& board,
                                           int rank, int size, const Seat* seat) {
  const Result<UniqueId> id = ShareId(library, board, rank);
  if (!id) return Unexpected(id.error());
  Result<std::unique_ptr<Comm>> comm(nullptr);
  if (seat != nullptr) comm = ConnectSeat(library, ops, board, *id, size, *seat);
  Status status = comm ? Status{} : comm.error();
  if (status.ok()) status = board.Meet(rank, kStart, "", nullptr, 0);
  if (status.ok()) return comm;
  board.Abort(status);
  return Unexpected(board.Acknowledge(rank));
}

}  // namespace eta::parallel::nccl
