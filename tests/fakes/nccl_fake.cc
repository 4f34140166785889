// A shared object with NCCL's entry points that works on host memory. Its streams are HostStreams;
// a call without a stream completes before it returns. It gives right results, or fails as its plan
// says; see nccl_plan.h.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "parallel/core/nccl/abi.h"
#include "tests/fakes/host_device.h"
#include "tests/fakes/nccl_area.h"
#include "tests/fakes/nccl_control.h"
#include "tests/fakes/nccl_exchange.h"
#include "tests/fakes/nccl_peers.h"
#include "tests/fakes/nccl_plan.h"

namespace eta::fake_nccl {
namespace {

using parallel::HostStream;
using parallel::nccl::Answer;
using parallel::nccl::Config;
using parallel::nccl::DataType;
using parallel::nccl::Handle;
using parallel::nccl::RedOp;
using parallel::nccl::Stream;
using parallel::nccl::UniqueId;

struct Comm {
  Comm(std::string area_name, int own_rank, int ranks)
      : name(std::move(area_name)), rank(own_rank), size(ranks) {}

  const std::string name;  // of the area
  const int rank, size;
  std::unique_ptr<Area> area;
  std::thread start;
  std::atomic<bool> aborted{false};
  std::atomic<int> state{static_cast<int>(Answer::kInProgress)};  // what GetAsyncError says
  std::atomic<int> hesitations{0};  // so often GetAsyncError says that a call is in progress
  std::atomic<int> at_work{0};      // operations that were launched and are not done
  int calls = 0;

  bool over() const { return aborted.load(); }
};

// --- what all threads share ---------------------------------------------------------------------

struct Shared {
  std::mutex mu;
  Plan plan;
  // Those that there have been are kept: ncclGetLastError's callers go on to read theirs.
  std::set<std::string> errors = {""};
  std::set<std::string>::iterator last_error = errors.begin();
  std::unordered_map<Handle, std::shared_ptr<Comm>> comms;
  std::unordered_map<void*, Handle> registrations;  // whose they are
  int registered = 0;                               // since the plan was set
};

Plan FirstPlan() {
  const char* text = std::getenv("FAKE_NCCL_PLAN");
  const auto plan = ParsePlan(text == nullptr ? "" : text);
  if (!plan) std::abort();
  return *plan;
}

Shared& shared() {
  static auto* const one = new Shared{.plan = FirstPlan()};
  return *one;
}

Plan plan() {
  std::lock_guard lock(shared().mu);
  return shared().plan;
}

Answer Fail(Answer answer, const std::string& why) {
  std::lock_guard lock(shared().mu);
  shared().last_error = shared().errors.insert(why).first;
  return answer;
}

// Null for a communicator that does not exist or was given up.
std::shared_ptr<Comm> Find(Handle handle) {
  std::lock_guard lock(shared().mu);
  const auto found = shared().comms.find(handle);
  return found == shared().comms.end() ? nullptr : found->second;
}

std::shared_ptr<Comm> Remove(Handle handle) {
  std::lock_guard lock(shared().mu);
  std::erase_if(shared().registrations, [&](const auto& known) { return known.second == handle; });
  auto node = shared().comms.extract(handle);
  return node.empty() ? nullptr : node.mapped();
}

void SleepUnlessOver(const Comm& comm, std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!comm.over() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::min(time, std::chrono::microseconds(500)));
  }
}

void HangUntilAborted(const Comm& comm) {
  while (!comm.over()) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

// --- operations ---------------------------------------------------------------------------------

struct Task {
  std::shared_ptr<Comm> comm;
  Operation operation;
  HostStream* stream;
  int number;  // of the communicator's collectives
};

thread_local int group_depth = 0;
thread_local std::vector<Task> group;

// What the plan has for it.
void Befall(const Task& task) {
  Comm& comm = *task.comm;
  const Plan what = plan();
  const Plan::Call call{comm.rank, task.number};
  if (const auto delay = what.delays.find(comm.rank); delay != what.delays.end()) {
    SleepUnlessOver(comm, std::chrono::microseconds(delay->second));
  }
  if (const auto failure = what.asynchronous.find(call); failure != what.asynchronous.end()) {
    Fail(Answer::kRemoteError, "injected");
    comm.state = failure->second;
    HangUntilAborted(comm);
  }
  if (what.hangs.count(call) > 0) HangUntilAborted(comm);
}

// A collective; or sends and receives, which go on together.
Answer RunTasks(std::span<const Task> tasks) {
  for (const Task& task : tasks) Befall(task);
  Comm& comm = *tasks[0].comm;
  const auto over = [&] { return comm.over(); };
  if (over()) return Answer::kInternalError;
  std::vector<Operation> operations;
  for (const Task& task : tasks) operations.push_back(task.operation);
  std::string error;
  const Answer answer =
      operations[0].with_peer()
          ? ExchangeWithPeers(*comm.area, comm.rank, comm.size, operations, over, &error)
          : Exchange(*comm.area, comm.rank, comm.size, operations[0], over, &error);
  if (answer == Answer::kSuccess) return answer;
  comm.state = static_cast<int>(answer);
  return Fail(answer, error);
}

Answer RunAll(const std::vector<Task>& tasks) {
  Answer answer = Answer::kSuccess;
  const auto with_peer = [](const Task& task) { return task.operation.with_peer(); };
  for (auto at = tasks.begin(); at != tasks.end();) {
    const auto end = with_peer(*at) ? std::find_if_not(at, tasks.end(), with_peer) : at + 1;
    if (answer == Answer::kSuccess) answer = RunTasks({at, end});
    tasks[0].comm->at_work.fetch_sub(static_cast<int>(end - at));
    at = end;
  }
  return answer;
}

// The tasks of one communicator. Real NCCL often has not finished the first launch when it returns.
Answer Launch(std::vector<Task> tasks) {
  Comm& comm = *tasks[0].comm;
  comm.at_work.fetch_add(static_cast<int>(tasks.size()));
  if (tasks[0].stream == nullptr) return RunAll(tasks);
  HostStream* const stream = tasks[0].stream;
  const bool first = tasks[0].number == 0;
  if (first) comm.hesitations = 2;
  stream->Enqueue([tasks = std::move(tasks)] { RunAll(tasks); });
  return first ? Answer::kInProgress : Answer::kSuccess;
}

// Without streams the communicators of one thread would wait for each other.
Answer LaunchAll(std::vector<std::vector<Task>> by_comm) {
  std::vector<Answer> answers(by_comm.size(), Answer::kSuccess);
  std::vector<std::thread> threads;
  for (size_t i = 1; i < by_comm.size(); ++i) {
    threads.emplace_back([&, i] { answers[i] = Launch(std::move(by_comm[i])); });
  }
  if (!by_comm.empty()) answers[0] = Launch(std::move(by_comm[0]));
  for (std::thread& thread : threads) thread.join();
  for (const Answer answer : answers) {
    if (answer != Answer::kSuccess) return answer;
  }
  return Answer::kSuccess;
}

Answer LaunchGroup() {
  std::vector<std::vector<Task>> by_comm;
  for (Task& task : std::exchange(group, {})) {
    auto at = by_comm.begin();
    while (at != by_comm.end() && (*at)[0].comm != task.comm) ++at;
    if (at == by_comm.end()) at = by_comm.insert(at, std::vector<Task>{});
    at->push_back(std::move(task));
  }
  return LaunchAll(std::move(by_comm));
}

Answer Accept(Handle handle, Operation operation, Stream stream) {
  const std::shared_ptr<Comm> comm = Find(handle);
  if (!comm) return Fail(Answer::kInvalidArgument, "no such communicator");
  if (comm->state != static_cast<int>(Answer::kSuccess)) {
    return Fail(Answer::kInvalidUsage, "the communicator is not ready");
  }
  const int number = comm->calls++;
  const Plan what = plan();
  if (const auto failure = what.failures.find({comm->rank, number});
      failure != what.failures.end()) {
    comm->state = failure->second;
    return Fail(static_cast<Answer>(failure->second), "injected");
  }
  if (what.stuck.count({comm->rank, number}) > 0) {
    comm->hesitations = std::numeric_limits<int>::max();
    return Answer::kInProgress;
  }
  Task task{comm, operation, static_cast<HostStream*>(stream), number};
  if (group_depth == 0) return Launch({task});
  group.push_back(std::move(task));
  return Answer::kSuccess;
}

// --- the life of a communicator -----------------------------------------------------------------

Answer Connect(Comm& comm) {
  const Plan what = plan();
  if (what.start_hangs.count(comm.rank) > 0) {
    HangUntilAborted(comm);
    return Answer::kInternalError;
  }
  comm.area = Area::Open(comm.name, comm.rank, comm.size);
  if (!comm.area) return Fail(Answer::kSystemError, "no shared memory");
  if (!comm.area->Meet([&] { return comm.over(); })) return Answer::kInternalError;
  Area::Forget(comm.name);
  return Answer::kSuccess;
}

Answer Start(Handle* handle, int size, const UniqueId& id, int rank, const Config& config) {
  if (config.magic != Config{}.magic || rank < 0 || rank >= size) return Answer::kInvalidArgument;
  const Plan what = plan();
  if (const auto failure = what.start_failures.find(rank); failure != what.start_failures.end()) {
    return Fail(static_cast<Answer>(failure->second), "injected");
  }
  auto comm = std::make_shared<Comm>(id.bytes, rank, size);
  *handle = reinterpret_cast<Handle>(comm.get());
  {
    std::lock_guard lock(shared().mu);
    shared().comms[*handle] = comm;
  }
  const auto connect = [comm = comm.get()] { comm->state = static_cast<int>(Connect(*comm)); };
  if (config.blocking != 0 && group_depth == 0) {
    connect();
    return static_cast<Answer>(comm->state.load());
  }
  comm->start = std::thread(connect);
  return Answer::kInProgress;
}

// No operation of the communicator touches memory any more.
Answer End(Handle handle, bool abort) {
  const std::shared_ptr<Comm> comm = Remove(handle);
  if (!comm) return Fail(Answer::kInvalidArgument, "no such communicator");
  if (abort) comm->aborted = true;
  if (comm->start.joinable()) comm->start.join();
  while (comm->at_work > 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  return Answer::kSuccess;
}

}  // namespace
}  // namespace eta::fake_nccl

// --- entry points -------------------------------------------------------------------------------

using namespace eta::fake_nccl;  // they are C's, and lie outside

extern "C" {

Answer ncclGetVersion(int* version) {
  *version = plan().version;
  return Answer::kSuccess;
}

Answer ncclGetUniqueId(UniqueId* id) {
  const std::string name = Area::Make();
  if (name.empty() || name.size() >= sizeof(id->bytes)) return Answer::kSystemError;
  std::memset(id->bytes, 0, sizeof(id->bytes));
  std::memcpy(id->bytes, name.data(), name.size());
  return Answer::kSuccess;
}

Answer ncclCommInitRankConfig(Handle* comm, int size, UniqueId id, int rank, Config* config) {
  return Start(comm, size, id, rank, *config);
}

Answer ncclCommDestroy(Handle comm) { return End(comm, /*abort=*/false); }

Answer ncclCommAbort(Handle comm) { return End(comm, /*abort=*/true); }

Answer ncclCommGetAsyncError(Handle handle, Answer* error) {
  const auto comm = Find(handle);
  if (!comm) return Fail(Answer::kInvalidArgument, "no such communicator");
  *error = static_cast<Answer>(comm->state.load());
  if (*error == Answer::kSuccess && comm->hesitations.fetch_sub(1) > 0) {
    *error = Answer::kInProgress;
  }
  return Answer::kSuccess;
}

const char* ncclGetErrorString(Answer answer) {
  constexpr const char* kTexts[] = {"no error",
                                    "unhandled cuda error",
                                    "unhandled system error",
                                    "internal error",
                                    "invalid argument",
                                    "invalid usage",
                                    "remote process exited or there was a network error",
                                    "NCCL operation in progress"};
  return kTexts[static_cast<int>(answer)];
}

const char* ncclGetLastError(Handle) {
  std::lock_guard lock(shared().mu);
  return shared().last_error->c_str();
}

Answer ncclAllReduce(const void* send, void* receive, size_t count, DataType type, RedOp op,
                     Handle comm, Stream stream) {
  return Accept(comm,
                {Operation::Kind::kAllReduce, send, receive, count, static_cast<int>(type),
                 static_cast<int>(op), 0},
                stream);
}

Answer ncclReduceScatter(const void* send, void* receive, size_t receive_count, DataType type,
                         RedOp op, Handle comm, Stream stream) {
  return Accept(comm,
                {Operation::Kind::kReduceScatter, send, receive, receive_count,
                 static_cast<int>(type), static_cast<int>(op), 0},
                stream);
}

Answer ncclAllGather(const void* send, void* receive, size_t send_count, DataType type, Handle comm,
                     Stream stream) {
  return Accept(
      comm, {Operation::Kind::kAllGather, send, receive, send_count, static_cast<int>(type), 0, 0},
      stream);
}

Answer ncclBroadcast(const void* send, void* receive, size_t count, DataType type, int root,
                     Handle comm, Stream stream) {
  return Accept(
      comm, {Operation::Kind::kBroadcast, send, receive, count, static_cast<int>(type), 0, root},
      stream);
}

Answer ncclReduce(const void* send, void* receive, size_t count, DataType type, RedOp op, int root,
                  Handle comm, Stream stream) {
  return Accept(comm,
                {Operation::Kind::kReduce, send, receive, count, static_cast<int>(type),
                 static_cast<int>(op), root},
                stream);
}

Answer ncclSend(const void* data, size_t count, DataType type, int peer, Handle comm,
                Stream stream) {
  return Accept(comm,
                {Operation::Kind::kSend, data, nullptr, count, static_cast<int>(type), 0, peer},
                stream);
}

Answer ncclRecv(void* data, size_t count, DataType type, int peer, Handle comm, Stream stream) {
  return Accept(comm,
                {Operation::Kind::kReceive, nullptr, data, count, static_cast<int>(type), 0, peer},
                stream);
}

Answer ncclGroupStart() {
  ++group_depth;
  return Answer::kSuccess;
}

Answer ncclGroupEnd() {
  if (group_depth == 0) return Fail(Answer::kInvalidUsage, "no group");
  return --group_depth > 0 ? Answer::kSuccess : LaunchGroup();
}

#ifndef FAKE_NCCL_BARE
Answer ncclCommRegister(Handle comm, void* data, size_t, void** registration) {
  if (!Find(comm)) return Fail(Answer::kInvalidArgument, "no such communicator");
  std::lock_guard lock(shared().mu);
  if (shared().registrations.count(data) > 0) return Answer::kInvalidUsage;
  *registration = data;
  shared().registrations[data] = comm;
  ++shared().registered;
  return Answer::kSuccess;
}

Answer ncclCommDeregister(Handle, void* registration) {
  std::lock_guard lock(shared().mu);
  const bool known = shared().registrations.erase(registration) > 0;
  return known ? Answer::kSuccess : Answer::kInvalidArgument;
}
#endif

int fakeNcclSetPlan(const char* text) {
  const auto plan = ParsePlan(text);
  if (!plan) return 1;
  std::lock_guard lock(shared().mu);
  shared().plan = *plan;
  shared().registered = 0;
  return 0;
}

int fakeNcclLiveCommunicators() {
  std::lock_guard lock(shared().mu);
  return static_cast<int>(shared().comms.size());
}

int fakeNcclRegistrations() {
  std::lock_guard lock(shared().mu);
  return shared().registered;
}

int fakeNcclLiveRegistrations() {
  std::lock_guard lock(shared().mu);
  return static_cast<int>(shared().registrations.size());
}

}  // extern "C"
