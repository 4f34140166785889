#include "parallel/core/nccl/comm.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace eta::parallel::nccl {
namespace {

using parallel::Code;

// How long an abort waits for a call in progress to return, which NCCL asks for. One that takes
// longer is what the abort is to end.
constexpr auto kCallTime = std::chrono::milliseconds(20);

// Sleeps longer from one call to the next, so that short waits stay short.
class Pause {
 public:
  void operator()() {
    std::this_thread::sleep_for(time_);
    time_ = std::min(time_ * 2, kLongest);
  }

 private:
  static constexpr std::chrono::microseconds kLongest{2000};
  std::chrono::microseconds time_{20};
};

Status Aborted() { return {Code::kAborted, "the communicator was aborted", -1}; }

Status InitFailure(const Library& library, int rank, Answer answer) {
  return {Code::kPeerFailed,
          "NCCL's communicator: " + library.Describe(answer) + " on rank " + std::to_string(rank),
          rank};
}

}  // namespace

Result<UniqueId> Comm::MakeId(const Library& library) {
  UniqueId id{};
  const Answer answer = library.GetUniqueId(&id);
  if (answer == Answer::kSuccess) return id;
  return Unexpected(Status{Code::kPeerFailed, "NCCL's id: " + library.Describe(answer), -1});
}

// --- connecting ---------------------------------------------------------------------------------

namespace {

// Communicators on the way. NCCL gives the handle at once and goes on behind our back.
struct Start {
  Seat seat;
  Handle handle = nullptr;
};

Status StartAll(const Library& library, DeviceOps* ops, const UniqueId& id, int size,
                std::span<Start> starts) {
  if (starts.size() > 1) (void)library.GroupStart();  // fails on bad memory only
  Status status;
  for (Start& start : starts) {
    if (ops != nullptr && start.seat.device.kind != Device::Kind::kCpu) {
      status = ops->Use(start.seat.device);
      if (!status.ok()) break;
    }
    Config config;
    const Answer answer =
        library.CommInitRankConfig(&start.handle, size, id, start.seat.number, &config);
    if (answer == Answer::kSuccess || answer == Answer::kInProgress) continue;
    status = InitFailure(library, start.seat.rank, answer);
    break;
  }
  if (starts.size() == 1) return status;
  const Answer ended = library.GroupEnd();
  const bool well = ended == Answer::kSuccess || ended == Answer::kInProgress;
  return status.ok() && !well ? InitFailure(library, starts[0].seat.rank, ended) : status;
}

Status AwaitStart(const Library& library, const Start& start, Deadline deadline,
                  const std::function<Status()>& over) {
  for (Pause pause;; pause()) {
    Answer state = Answer::kSuccess;
    const Answer asked = library.CommGetAsyncError(start.handle, &state);
    if (asked != Answer::kSuccess) state = asked;
    if (state == Answer::kSuccess) return {};
    if (state != Answer::kInProgress) {
      return InitFailure(library, start.seat.rank, state);
    }
    if (Status status = over(); !status.ok()) return status;
    if (Clock::now() >= deadline) {
      return {
          Code::kStalled,
          "NCCL's communicator was not ready in time on rank " + std::to_string(start.seat.rank),
          -1};
    }
  }
}

}  // namespace

Result<std::vector<std::unique_ptr<Comm>>> Comm::Connect(const Library& library, DeviceOps* ops,
                                                         const UniqueId& id, int size,
                                                         std::span<const Seat> seats,
                                                         Deadline deadline,
                                                         const std::function<Status()>& over) {
  std::vector<Start> starts;
  for (const Seat& seat : seats) starts.push_back({seat});
  Status status = StartAll(library, ops, id, size, starts);
  for (const Start& start : starts) {
    if (status.ok()) status = AwaitStart(library, start, deadline, over);
  }
  std::vector<std::unique_ptr<Comm>> comms;
  for (const Start& start : starts) {
    if (start.handle == nullptr) continue;
    comms.push_back(std::unique_ptr<Comm>(new Comm(library, start.handle, start.seat.rank)));
  }
  if (status.ok()) return comms;
  // Nobody else has seen them yet.
  for (const auto& comm : comms) comm->Abort();
  return Unexpected(std::move(status));
}

Comm::~Comm() {
  MutexLock lock(mu_);
  if (aborted_) return;
  for (const Registration& known : registrations_) {
    (void)library_.CommDeregister(handle_, known.handle);
  }
  (void)library_.CommDestroy(handle_);  // whoever destroys has no use for an error
}

// --- calling ------------------------------------------------------------------------------------

bool Comm::Enter() {
  MutexLock lock(mu_);
  inside_ = !aborted_;
  return inside_;
}

// False: an abort came meanwhile, and the handle is not to be used.
bool Comm::Leave() {
  MutexLock lock(mu_);
  inside_ = false;
  left_.NotifyAll();
  return !aborted_;
}

template <class Call>
Status Comm::Invoke(const char* name, const Call& call) {
  if (in_group_) {  // where nothing is tried yet
    const Answer answer = call();
    const bool well = answer == Answer::kSuccess || answer == Answer::kInProgress;
    return well ? Status{} : Failure(name, answer);
  }
  if (!Enter()) return Aborted();
  const Answer answer = call();
  if (!Leave()) return Aborted();
  const Answer settled = Settle(answer);
  return settled == Answer::kSuccess ? Status{} : Failure(name, settled);
}

Answer Comm::Settle(Answer answer) {
  for (Pause pause; answer == Answer::kInProgress; pause()) {
    if (!Enter()) return Answer::kSuccess;  // the next call says so
    Answer state = Answer::kSuccess;
    const Answer asked = library_.CommGetAsyncError(handle_, &state);
    Leave();
    answer = asked == Answer::kSuccess ? state : asked;
  }
  return answer;
}

Status Comm::Failure(const char* name, Answer answer) const {
  return {Code::kPeerFailed,
          std::string("NCCL's ") + name + " failed on rank " + std::to_string(rank_) + ": " +
              library_.Describe(answer),
          rank_};
}

Status Comm::AllReduce(const void* send, void* receive, size_t count, DType dtype, ReduceOp op,
                       Stream stream) {
  return Invoke("all-reduce", [&] {
    return library_.AllReduce(send, receive, count, DataTypeOf(dtype), RedOpOf(op), handle_,
                              stream);
  });
}

Status Comm::ReduceScatter(const void* send, void* receive, size_t receive_count, DType dtype,
                           ReduceOp op, Stream stream) {
  return Invoke("reduce-scatter", [&] {
    return library_.ReduceScatter(send, receive, receive_count, DataTypeOf(dtype), RedOpOf(op),
                                  handle_, stream);
  });
}

Status Comm::AllGather(const void* send, void* receive, size_t send_count, DType dtype,
                       Stream stream) {
  return Invoke("all-gather", [&] {
    return library_.AllGather(send, receive, send_count, DataTypeOf(dtype), handle_, stream);
  });
}

Status Comm::Broadcast(const void* send, void* receive, size_t count, DType dtype, int root,
                       Stream stream) {
  return Invoke("broadcast", [&] {
    return library_.Broadcast(send, receive, count, DataTypeOf(dtype), root, handle_, stream);
  });
}

Status Comm::Reduce(const void* send, void* receive, size_t count, DType dtype, ReduceOp op,
                    int root, Stream stream) {
  return Invoke("reduce", [&] {
    return library_.Reduce(send, receive, count, DataTypeOf(dtype), RedOpOf(op), root, handle_,
                           stream);
  });
}

Status Comm::Send(const void* data, size_t count, DType dtype, int peer, Stream stream) {
  return Invoke(
      "send", [&] { return library_.Send(data, count, DataTypeOf(dtype), peer, handle_, stream); });
}

Status Comm::Receive(void* data, size_t count, DType dtype, int peer, Stream stream) {
  return Invoke("receive", [&] {
    return library_.Recv(data, count, DataTypeOf(dtype), peer, handle_, stream);
  });
}

// One call for an abort, which so finds no group that was begun and not ended: the thread would
// stay in it, also after an error.
Status Comm::Group(const std::function<Status()>& body) {
  Status status;
  Status ended = Invoke("group", [&] {
    const Answer begun = library_.GroupStart();
    if (begun != Answer::kSuccess) return begun;
    in_group_ = true;
    status = body();
    in_group_ = false;
    return library_.GroupEnd();
  });
  return status.ok() ? ended : status;
}

Status Comm::Poll() {
  Answer state = Answer::kSuccess;
  Status asked = Invoke("state", [&] { return library_.CommGetAsyncError(handle_, &state); });
  if (!asked.ok() || state == Answer::kSuccess || state == Answer::kInProgress) return asked;
  return Failure("collective", state);
}

// --- registered memory --------------------------------------------------------------------------

std::vector<Comm::Registration>::iterator Comm::FindRegistration(void* data) {
  return std::find_if(registrations_.begin(), registrations_.end(),
                      [&](const Registration& known) { return known.data == data; });
}

Status Comm::Register(void* data, size_t bytes) {
  if (library_.CommRegister == nullptr || library_.CommDeregister == nullptr) return {};
  if (const auto known = FindRegistration(data); known != registrations_.end()) {
    ++known->times;
    return {};
  }
  void* handle = nullptr;
  Status status =
      Invoke("registration", [&] { return library_.CommRegister(handle_, data, bytes, &handle); });
  if (status.ok()) registrations_.push_back({data, handle, 1});
  return status;
}

Status Comm::Deregister(void* data) {
  const auto found = FindRegistration(data);
  if (found == registrations_.end() || --found->times > 0) return {};
  void* const handle = found->handle;
  registrations_.erase(found);
  return Invoke("registration", [&] { return library_.CommDeregister(handle_, handle); });
}

void Comm::Abort() {
  {
    MutexLock lock(mu_);
    if (std::exchange(aborted_, true)) return;
    const Deadline patience = Clock::now() + kCallTime;
    while (inside_ && left_.WaitUntil(mu_, patience)) {
    }
  }
  (void)library_.CommAbort(handle_);  // there is nothing more that could be done
}

}  // namespace eta::parallel::nccl
