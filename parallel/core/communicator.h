// Communicator: one rank's end of the collectives of a world. All ranks of a world call the same
// collectives in the same order.
//
//   Work work = comm->AllReduce({grads, n, DType::kFloat32}, ReduceOp::kSum, "train.eta:12:3");
//   if (!work.status().ok()) return work.status();
//
// Guarantees of every backend:
// * A call with bad arguments returns kInvalid and takes no part; the world is unharmed.
// * If the ranks' calls disagree (operation, dtype, count, reduction, root), every rank gets
//   kDesync with one message that names all call sites, before any data is mixed. The world is then
//   over.
// * A collective completes on all ranks or fails on all of them; after a failure with a null stream
//   on the CPU the buffers are as they were.
// * No wait is endless: Abort, a failed or departed peer and the stall timeout end it.
// * A null stream: the call completes before it returns, but for StartAllReduce.
//
// Thread safety: the rank's own thread; Abort, rank and size from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "parallel/core/buffer.h"
#include "parallel/core/status.h"
#include "parallel/core/work.h"

namespace eta::parallel {

// The place in the script that makes the call, "train.eta:12:3". It is copied; sites of different
// ranks may differ.
using Site = std::string_view;

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Reduces `input` into `output`; every rank ends with the same bits. Dtype and count are equal on
  // all ranks. The two are the same memory or do not overlap, likewise on all ranks.
  virtual Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) = 0;
  // In place.
  Work AllReduce(const Buffer& buffer, ReduceOp op, Site site) {
    return AllReduce(buffer, buffer, op, site);
  }

  // Likewise of several buffers, of one dtype and one stream, as a single collective; and what may
  // go on while the rank computes does, also on the CPU. The buffers are the collective's until the
  // work is done. Until all works of this kind are, the rank calls nothing else here, and does not
  // meet the others at the board.
  virtual Work StartAllReduce(std::span<const Buffer> buffers, ReduceOp op, Site site) {
    Status status;
    for (const Buffer& buffer : buffers) {
      status = AllReduce(buffer, buffer, op, site).status();
      if (!status.ok()) break;
    }
    return Work(std::move(status));
  }

  // Reduces `input` (sum(counts) elements on every rank); rank r gets part r, counts[r] elements,
  // in `output`. Counts has one entry per rank and is equal on all ranks. `output` may be the
  // rank's own part of `input`, and overlaps it in no other way.
  virtual Work ReduceScatter(const Buffer& input, const Buffer& output,
                             std::span<const size_t> counts, ReduceOp op, Site site) = 0;

  // Concatenates the ranks' inputs, counts[r] elements from rank r, in `output` (sum(counts)
  // elements) on every rank. Counts has one entry per rank and is equal on all ranks. `input` may
  // be the rank's own part of `output`, and overlaps it in no other way.
  virtual Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                         Site site) = 0;

  // Rank r gets part r, counts[r] elements, of every rank's `input` (sum(counts) elements), one
  // after the other in the order of the ranks, in `output` (size() * counts[r] elements). Counts
  // has one entry per rank and is equal on all ranks. The two do not overlap.
  virtual Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                        Site site) = 0;

  // Copies rank `root`'s buffer to all.
  virtual Work Broadcast(const Buffer& buffer, int root, Site site) = 0;

  // Returns when all ranks have called it.
  virtual Work Barrier(Site site) = 0;

  // The buffer's memory will be used again and again, in whole or in part, until Deregister. Every
  // rank registers its own at the same point. A backend that gains nothing by it does nothing.
  virtual Status Register(const Buffer&) { return {}; }
  virtual Status Deregister(const Buffer&) { return {}; }

  // Whether the ranks may read and write each other's buffers, between Board::Meet and Finish.
  virtual bool SharesMemory() const = 0;

  // Whether gradients that travel in so many buckets are best handed over as they become ready, one
  // by one with StartAllReduce. The same on all ranks, and also true of any larger number.
  virtual bool TakesBuckets(size_t) const { return false; }

  // Ends the world: calls in flight and all later ones return `reason`, on every rank, at once. The
  // first abort wins.
  virtual void Abort(const Status& reason) = 0;

  // Ends what keeps this rank outside the board. The world calls it once, on a thread of its own,
  // after it was aborted.
  virtual void Unblock() {}
};

}  // namespace eta::parallel
