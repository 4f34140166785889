// Transport through a job's store, as torchrun's. Each byte goes to whoever keeps the store and
// from there to the others: enough for meetings and letters, too slow for tensors.
//
// No thread that uses the transport waits for the store itself: a clerk and a postman do, who are
// left behind if the store's keeper has stopped.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "parallel/core/job/torchrun.h"
#include "parallel/core/store/clerk.h"
#include "parallel/core/store/postman.h"
#include "parallel/core/store/store.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

class StoreTransport final : public Transport {
 public:
  // Waits for all processes of the job, for at most `patience`, which is also what it has with a
  // store that does not answer. Error: who has not come, or has come with another idea of the job.
  static Result<std::unique_ptr<Transport>> Start(const TorchrunJob& job, OpenStore* open,
                                                  std::chrono::nanoseconds patience);
  ~StoreTransport() override;

  int process() const override { return job_.process; }
  int processes() const override { return job_.processes; }
  const std::string& host(int process) const override {
    return hosts_[static_cast<size_t>(process)];
  }
  bool ForTensors() const override { return false; }

  Status AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) override;
  Status AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes, std::byte* received,
                  std::span<const size_t> received_bytes, const Over& over) override;
  void Post(int to, std::span<const std::byte> letter) override { postman_->Post(to, letter); }
  std::optional<Letter> Collect() override { return postman_->Collect(); }
  Status LettersLost() override;
  Status Close(const Over& over) override;

 private:
  struct Line;
  struct Parcel;

  StoreTransport(const TorchrunJob& job, std::chrono::nanoseconds patience);
  Status Connect(OpenStore* open);
  std::string PartName(int from, int to) const;
  Status Carry(std::shared_ptr<Parcel> parcel, const Over& over);
  Status Silence(const Over& over) const;
  Status Lost(const Status& why) const;
  std::string Keeper() const;

  const TorchrunJob job_;
  const std::string prefix_;  // of all keys
  const std::chrono::nanoseconds patience_;
  const std::shared_ptr<Line> line_;
  std::vector<std::string> hosts_;
  uint64_t transfer_ = 0;                   // the number of the last one
  std::vector<std::string> previous_keys_;  // what this process has sent in it
  std::unique_ptr<Postman> postman_;        // null: not connected
  Clerk clerk_;
};

}  // namespace eta::parallel
