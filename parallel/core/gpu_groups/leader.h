// Leader: what the first rank of a group enqueues, on a stream of its own, for all that share its
// device: it brings their buffers together, has NCCL go on between the devices, and brings the
// result to each. The host waits for nothing of that.
//
//   Status status = leader.Enqueue(members, [&] { return leader.AllReduce(signature); });
//
// Thread safety: the leading rank's own thread; Abort from any.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "parallel/core/device_ops.h"
#include "parallel/core/gpu_groups/groups.h"
#include "parallel/core/nccl/comm.h"
#include "parallel/core/signature.h"

namespace eta::parallel::gpu_groups {

class Leader {
 public:
  // A rank's part in a collective: as many inputs as outputs, several of an all-reduce only. The
  // event marks the point of its stream from which on the buffers are the collective's.
  struct Member {
    std::span<const Buffer> inputs, outputs;
    DeviceEvent* event = nullptr;

    void* input() const { return inputs[0].data; }
    void* output() const { return outputs[0].data; }
  };

  struct Parts {
    DeviceOps& ops;
    Device device;
    Groups groups;
    int group;                             // the one that it leads
    std::unique_ptr<nccl::Comm> comm;      // between the leaders; null: there is one device
    std::unique_ptr<DeviceStream> stream;  // what is enqueued runs on it
  };
  explicit Leader(Parts parts) : parts_(std::move(parts)) {}

  // Enqueues what `body` calls, behind the members' events, which then mark the point from which on
  // their buffers are theirs again; also if it fails. `members`: those of the group, by rank.
  Status Enqueue(std::span<const Member> members, const std::function<Status()>& body);

  // In a body; as the members of Communicator. REQUIRES: the count is not 0.
  Status AllReduce(const Signature& signature);
  Status ReduceScatter(const Signature& signature, std::span<const size_t> counts);
  Status AllGather(const Signature& signature, std::span<const size_t> counts);
  Status AllToAll(const Signature& signature, std::span<const size_t> counts);
  Status Broadcast(const Signature& signature);

  // Whether something that was enqueued before has failed since.
  Status Poll() { return parts_.comm == nullptr ? Status{} : parts_.comm->Poll(); }
  Status Register(const Buffer& buffer);
  Status Deregister(const Buffer& buffer);

  // Ends what waits for other devices.
  void Abort();

 private:
  const Groups::Group& group() const { return parts_.groups[parts_.group]; }
  int ranks() const { return parts_.groups[parts_.groups.count() - 1].end; }
  const Member& member(int rank) const {
    return members_[static_cast<size_t>(rank - group().first)];
  }

  Status AddUp(const Buffer& sum, size_t number, ReduceOp op);
  Status SwapWith(int group, const Signature& signature, std::span<const size_t> counts);
  Buffer PartTo(int to, int from, const Signature& signature, std::span<const size_t> counts) const;
  Buffer PartFrom(int from, int to, const Signature& signature,
                  std::span<const size_t> counts) const;
  // Calls f(rank) for the members from `first` on, until one fails.
  template <class F>
  Status ForEach(int first, const F& f);

  const Parts parts_;
  std::vector<Member> members_;  // of the collective in progress
};

}  // namespace eta::parallel::gpu_groups
