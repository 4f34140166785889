// Transport over MPI. Nothing here waits inside MPI: each call starts something or asks how it is
// going, under one lock, so that threads take turns and none is caught in a call by a process that
// has stopped.
#pragma once

#include ETA_MPI_HEADER

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

class MpiTransport final : public Transport {
 public:
  // Starts MPI in this process, which waits for the others. Once.
  static Result<std::unique_ptr<Transport>> Start();

  int process() const override { return process_; }
  int processes() const override { return static_cast<int>(hosts_.size()); }
  const std::string& host(int process) const override {
    return hosts_[static_cast<size_t>(process)];
  }
  bool ForTensors() const override { return true; }

  Status AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) override;
  Status AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes, std::byte* received,
                  std::span<const size_t> received_bytes, const Over& over) override;
  void Post(int to, std::span<const std::byte> letter) override EXCLUDES_LOCK(mu_);
  std::optional<Letter> Collect() override EXCLUDES_LOCK(mu_);
  Status Close(const Over& over) override EXCLUDES_LOCK(mu_);

 private:
  // A letter on its way.
  struct Mail {
    int peer;
    std::vector<std::byte> bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  MpiTransport() = default;
  Status Connect();
  Status GetHosts();
  void Send(const std::byte* data, size_t bytes, int to) REQUIRES_LOCK(mu_);
  void Receive(std::byte* data, size_t bytes, int from) REQUIRES_LOCK(mu_);
  Status Finish(const Over& over) EXCLUDES_LOCK(mu_);
  // Until is_done() is true or fails.
  template <class IsDone>
  Status Await(const Over& over, const IsDone& is_done) EXCLUDES_LOCK(mu_);
  Result<bool> Done() EXCLUDES_LOCK(mu_);
  void AcceptMail() REQUIRES_LOCK(mu_);
  void ForgetArrivedMail() REQUIRES_LOCK(mu_);
  // All that was sent from here; what comes from others is accepted meanwhile.
  Result<bool> MailHasArrived() EXCLUDES_LOCK(mu_);
  // Waits for all processes, and accepts their letters meanwhile.
  Status MeetAll(const Over& over) EXCLUDES_LOCK(mu_);
  static Status End();
  void Note(int code) REQUIRES_LOCK(mu_);

  int process_ = 0;
  std::vector<std::string> hosts_;
  Mutex mu_;
  MPI_Comm transfers_ GUARDED_BY(mu_) = MPI_COMM_NULL;
  MPI_Comm letters_ GUARDED_BY(mu_) = MPI_COMM_NULL;
  std::vector<MPI_Request> requests_ GUARDED_BY(mu_);  // of the transfer in progress
  int error_ GUARDED_BY(mu_) = MPI_SUCCESS;            // the first one
  bool closing_ GUARDED_BY(mu_) = false;               // no letters are sent any more
  bool closed_ GUARDED_BY(mu_) = false;                // MPI must not be called any more
  std::list<Mail> outgoing_ GUARDED_BY(mu_), incoming_ GUARDED_BY(mu_);
};

}  // namespace eta::parallel
