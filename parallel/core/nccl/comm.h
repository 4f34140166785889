// Comm: one rank's NCCL communicator.
//
// Communicators are made non-blocking, so that no call of NCCL keeps a thread for long, but for one
// without a stream, which completes before it returns.
//
// Thread safety: the rank's own thread; Abort from any.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/device_ops.h"
#include "parallel/core/nccl/library.h"
#include "parallel/core/work.h"

namespace eta::parallel::nccl {

// A communicator that the calling thread answers for.
struct Seat {
  int rank = 0;  // of the world, whose failures errors call it
  Device device;
  int number = rank;  // among the communicators
};

class Comm {
 public:
  // The id by which the ranks of one world find each other.
  static Result<UniqueId> MakeId(const Library& library);

  // Makes the communicators of these seats, as one group where there are several; those of all
  // `size` are made with the same id. `ops` may be null if the devices are CPUs. It ends early with
  // `over`'s status where that is not ok, and with kStalled at the deadline.
  static Result<std::vector<std::unique_ptr<Comm>>> Connect(const Library& library, DeviceOps* ops,
                                                            const UniqueId& id, int size,
                                                            std::span<const Seat> seats,
                                                            Deadline deadline,
                                                            const std::function<Status()>& over);

  // Gives up what the communicator holds; all ranks of a process do this at about the same time.
  ~Comm();
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  // NCCL's own operations: parts of equal size, elements from `send` to `receive`, on `stream`.
  // Not ok: the communicator is of no use any more.
  Status AllReduce(const void* send, void* receive, size_t count, DType dtype, ReduceOp op,
                   Stream stream);
  Status ReduceScatter(const void* send, void* receive, size_t receive_count, DType dtype,
                       ReduceOp op, Stream stream);
  Status AllGather(const void* send, void* receive, size_t send_count, DType dtype, Stream stream);
  Status Broadcast(const void* send, void* receive, size_t count, DType dtype, int root,
                   Stream stream);
  Status Reduce(const void* send, void* receive, size_t count, DType dtype, ReduceOp op, int root,
                Stream stream);
  // From one to another; several between two of them go in the order of the calls. In a group only,
  // as those who exchange something would wait for each other.
  Status Send(const void* data, size_t count, DType dtype, int peer, Stream stream);
  Status Receive(void* data, size_t count, DType dtype, int peer, Stream stream);

  // What `body` calls is one operation for NCCL. No error in it is lost.
  Status Group(const std::function<Status()>& body);

  // Whether an operation that was started has failed since.
  Status Poll();

  // The memory will be used again and again; does nothing where the library cannot register it.
  // What is registered twice has to be deregistered as often; the first size counts.
  Status Register(void* data, size_t bytes);
  Status Deregister(void* data);

  // Ends the operations in flight, on this rank. The first call counts.
  void Abort() EXCLUDES_LOCK(mu_);

 private:
  Comm(const Library& library, Handle handle, int rank)
      : library_(library), handle_(handle), rank_(rank) {}

  // Calls NCCL unless the communicator was aborted, and waits until it has accepted the call.
  template <class Call>
  Status Invoke(const char* name, const Call& call);
  bool Enter() EXCLUDES_LOCK(mu_);
  bool Leave() EXCLUDES_LOCK(mu_);
  Answer Settle(Answer answer);
  Status Failure(const char* name, Answer answer) const;

  struct Registration {
    void* data;
    void* handle;
    int times;
  };
  std::vector<Registration>::iterator FindRegistration(void* data);

  const Library& library_;
  const Handle handle_;
  const int rank_;
  bool in_group_ = false;
  std::vector<Registration> registrations_;
  Mutex mu_;
  CondVar left_;
  bool aborted_ GUARDED_BY(mu_) = false;
  bool inside_ GUARDED_BY(mu_) = false;  // a call of NCCL is in progress
};

}  // namespace eta::parallel::nccl
