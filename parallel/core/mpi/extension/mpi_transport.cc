#include "parallel/core/mpi/extension/mpi_transport.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include "parallel/core/mpi/extension/patience.h"

namespace eta::parallel {
namespace {

// MPI counts in int.
constexpr size_t kMaxMessage = size_t{1} << 30;
constexpr int kTag = 0;
// What MPI's end may take.
constexpr std::chrono::seconds kTimeToEnd{5};

Status FailureOf(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return {Code::kPeerFailed, "MPI: " + std::string(text, static_cast<size_t>(length)), -1};
}

}  // namespace

Result<std::unique_ptr<Transport>> MpiTransport::Start() {
  int provided = 0;
  const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (code != MPI_SUCCESS) return Unexpected(FailureOf(code));
  if (provided < MPI_THREAD_SERIALIZED) {
    return Unexpected(Invalid("this MPI cannot be used by several threads"));
  }
  std::unique_ptr<MpiTransport> transport(new MpiTransport);
  if (Status s = transport->Connect(); !s.ok()) return Unexpected(std::move(s));
  return std::unique_ptr<Transport>(std::move(transport));
}

Status MpiTransport::Connect() {
  MPI_Comm_rank(MPI_COMM_WORLD, &process_);
  {
    MutexLock lock(mu_);
    for (MPI_Comm* comm : {&transfers_, &letters_}) {
      const int code = MPI_Comm_dup(MPI_COMM_WORLD, comm);
      if (code != MPI_SUCCESS) return FailureOf(code);
      MPI_Comm_set_errhandler(*comm, MPI_ERRORS_RETURN);
    }
  }
  return GetHosts();
}

Status MpiTransport::GetHosts() {
  int processes = 0, length = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &processes);
  char own[MPI_MAX_PROCESSOR_NAME] = {};
  MPI_Get_processor_name(own, &length);
  std::vector<char> names(static_cast<size_t>(processes) * sizeof(own));
  const int code = MPI_Allgather(own, sizeof(own), MPI_CHAR, names.data(), sizeof(own), MPI_CHAR,
                                 MPI_COMM_WORLD);
  if (code != MPI_SUCCESS) return FailureOf(code);
  for (size_t at = 0; at < names.size(); at += sizeof(own)) hosts_.emplace_back(&names[at]);
  return {};
}

// --- transfers -----------------------------------------------------------------------------------

// Each pair by itself: with the few processes of a run that is as fast as MPI's own collectives or
// faster, and these cannot move more than 2 GB.
Status MpiTransport::AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) {
  const std::byte* own = all;
  for (int p = 0; p < process_; ++p) own += bytes[static_cast<size_t>(p)];
  {
    MutexLock lock(mu_);
    std::byte* part = all;
    for (int p = 0; p < processes(); ++p) {
      const size_t size = bytes[static_cast<size_t>(p)];
      if (p != process_) Receive(part, size, p);
      part += size;
    }
    for (int i = 1; i < processes(); ++i) {
      Send(own, bytes[static_cast<size_t>(process_)], (process_ + i) % processes());
    }
  }
  return Finish(over);
}

Status MpiTransport::AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes,
                              std::byte* received, std::span<const size_t> received_bytes,
                              const Over& over) {
  {
    MutexLock lock(mu_);
    for (int p = 0; p < processes(); ++p) {
      const size_t size = received_bytes[static_cast<size_t>(p)];
      if (p != process_) Receive(received, size, p);
      const size_t sent_size = sent_bytes[static_cast<size_t>(p)];
      if (p != process_) Send(sent, sent_size, p);
      if (p == process_ && size > 0) std::memcpy(received, sent, size);
      received += size;
      sent += sent_size;
    }
  }
  return Finish(over);
}

void MpiTransport::Send(const std::byte* data, size_t bytes, int to) {
  for (size_t at = 0; at < bytes; at += kMaxMessage) {
    const int count = static_cast<int>(std::min(kMaxMessage, bytes - at));
    requests_.push_back(MPI_REQUEST_NULL);
    Note(MPI_Isend(data + at, count, MPI_BYTE, to, kTag, transfers_, &requests_.back()));
  }
}

void MpiTransport::Receive(std::byte* data, size_t bytes, int from) {
  for (size_t at = 0; at < bytes; at += kMaxMessage) {
    const int count = static_cast<int>(std::min(kMaxMessage, bytes - at));
    requests_.push_back(MPI_REQUEST_NULL);
    Note(MPI_Irecv(data + at, count, MPI_BYTE, from, kTag, transfers_, &requests_.back()));
  }
}

void MpiTransport::Note(int code) {
  if (error_ == MPI_SUCCESS) error_ = code;
}

Status MpiTransport::Finish(const Over& over) {
  return Await(over, [this] { return Done(); });
}

template <class IsDone>
Status MpiTransport::Await(const Over& over, const IsDone& is_done) {
  for (Patience patience;; patience.Wait()) {
    const Result<bool> done = is_done();
    if (!done) return done.error();
    if (*done) return {};
    if (patience.MayAsk() && over()) return {Code::kAborted, "the transfer was given up", -1};
  }
}

Result<bool> MpiTransport::Done() {
  MutexLock lock(mu_);
  int done = 0;
  if (error_ == MPI_SUCCESS) {
    Note(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done,
                     MPI_STATUSES_IGNORE));
  }
  if (error_ != MPI_SUCCESS) return Unexpected(FailureOf(error_));
  if (done != 0) requests_.clear();
  return done != 0;
}

// --- letters -------------------------------------------------------------------------------------

// Errors are those of processes that are gone; a transfer will meet them too.
void MpiTransport::Post(int to, std::span<const std::byte> letter) {
  MutexLock lock(mu_);
  if (closing_) return;
  outgoing_.push_back({to, {letter.begin(), letter.end()}});
  Mail& mail = outgoing_.back();
  (void)MPI_Issend(mail.bytes.data(), static_cast<int>(mail.bytes.size()), MPI_BYTE, to, kTag,
                   letters_, &mail.request);
  ForgetArrivedMail();
}

void MpiTransport::ForgetArrivedMail() {
  std::erase_if(outgoing_, [](Mail& sent) {
    int done = 0;
    return MPI_Test(&sent.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done != 0;
  });
}

std::optional<Transport::Letter> MpiTransport::Collect() {
  MutexLock lock(mu_);
  if (closed_) return std::nullopt;
  AcceptMail();
  std::set<int> later;  // letters from these wait for an earlier one
  for (auto mail = incoming_.begin(); mail != incoming_.end(); ++mail) {
    if (later.contains(mail->peer)) continue;
    int done = 0;
    if (MPI_Test(&mail->request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done != 0) {
      Letter letter{mail->peer, std::move(mail->bytes)};
      incoming_.erase(mail);
      return letter;
    }
    later.insert(mail->peer);
  }
  return std::nullopt;
}

void MpiTransport::AcceptMail() {
  for (;;) {
    int there = 0, size = 0;
    MPI_Message message;
    MPI_Status status;
    const int code = MPI_Improbe(MPI_ANY_SOURCE, kTag, letters_, &there, &message, &status);
    if (code != MPI_SUCCESS || there == 0) return;
    MPI_Get_count(&status, MPI_BYTE, &size);
    incoming_.push_back({status.MPI_SOURCE, std::vector<std::byte>(static_cast<size_t>(size))});
    Mail& mail = incoming_.back();
    (void)MPI_Imrecv(mail.bytes.data(), size, MPI_BYTE, &message, &mail.request);
  }
}

// --- the end -------------------------------------------------------------------------------------

// Letters may be what tells others to come here, so they go on until all have come. Then those that
// are on their way have to arrive: MPI does not end as long as a message waits to be received.
Status MpiTransport::Close(const Over& over) {
  Status status = MeetAll(over);
  if (!status.ok()) return status;
  {
    MutexLock lock(mu_);
    closing_ = true;
  }
  status = Await(over, [this] { return MailHasArrived(); });
  if (status.ok()) status = MeetAll(over);
  if (!status.ok()) return status;
  {
    MutexLock lock(mu_);
    closed_ = true;
  }
  return End();
}

// All have come to the end and have what they need, but MPICH may wait for answers of a process
// that has ended a moment before and answers no more. Then it is left behind, and with it whatever
// it would still do when the process exits.
Status MpiTransport::End() {
  const auto ended = std::make_shared<std::promise<int>>();
  std::future<int> code = ended->get_future();
  std::thread([ended] { ended->set_value(MPI_Finalize()); }).detach();
  if (code.wait_for(kTimeToEnd) == std::future_status::ready) {
    const int ended_with = code.get();
    return ended_with == MPI_SUCCESS ? Status{} : FailureOf(ended_with);
  }
  const auto leave = [](int exit_code, void*) {
    std::fflush(nullptr);
    _exit(exit_code);
  };
  on_exit(leave, nullptr);
  return {};
}

Status MpiTransport::MeetAll(const Over& over) {
  {
    MutexLock lock(mu_);
    requests_.push_back(MPI_REQUEST_NULL);
    Note(MPI_Ibarrier(transfers_, &requests_.back()));
  }
  return Await(over, [this] {
    (void)MailHasArrived();  // others wait for theirs to be accepted
    return Done();
  });
}

Result<bool> MpiTransport::MailHasArrived() {
  MutexLock lock(mu_);
  AcceptMail();
  ForgetArrivedMail();
  return outgoing_.empty();
}

}  // namespace eta::parallel

// What load.cc looks for.
extern "C" void eta_start_mpi(
    eta::parallel::Result<std::unique_ptr<eta::parallel::Transport>>* transport) {
  *transport = eta::parallel::MpiTransport::Start();
}
