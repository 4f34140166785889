// Link: what ties the ranks of this process to those of the other processes of a job. It numbers
// the ranks of all, in the order of the processes, which may have different numbers of them.
//
//   auto link = Link::Connect(std::move(transport), {.ranks = 2, ...}, patience);
//   World::Create({.devices = ..., .link = *link});
//
// Thread safety: transfers (Exchange, transport().All...) and Close from one thread at a time; the
// rest from any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/core/seats.h"
#include "parallel/core/status.h"
#include "parallel/core/transport.h"

namespace eta::parallel {

class Link {
 public:
  // What a process tells the others when it joins the job.
  struct Introduction {
    int ranks = 1;          // that it contributes
    uint64_t seed = 0;      // process 0's is everybody's
    std::string cores;      // it may run on these, in any notation that equal sets share
    std::string agreement;  // what has to be the same in all processes, as lines
  };

  // Waits for all processes, for at most `patience`. kStalled if some have not come by then,
  // kDesync if their agreements differ.
  static Result<std::shared_ptr<Link>> Connect(std::unique_ptr<Transport> transport,
                                               const Introduction& own,
                                               std::chrono::nanoseconds patience);

  const Seats& seats() const { return seats_; }
  int process() const { return transport_->process(); }
  int processes() const { return transport_->processes(); }
  // Of each process.
  const std::vector<int>& ranks() const { return ranks_; }
  int ProcessOf(int rank) const;
  // "process 1 on node7"
  std::string Where(int process) const;
  uint64_t seed() const { return seed_; }
  // Ranks of all processes on this machine that run on the same cores as this one's, which count.
  int ranks_on_cores() const { return ranks_on_cores_; }
  // Whether the processes run on more than one.
  bool several_machines() const { return several_machines_; }

  // Each rank has a block of `bytes` in `blocks`; those of this process are sent, the others'
  // received. See Transport for what comes out.
  Status Exchange(std::byte* blocks, size_t bytes, const Transport::Over& over);
  Transport& transport() { return *transport_; }

  // Memory for transfers, which lives as long as they may write to it. Its contents are lost when
  // it grows.
  enum class Use { kMeeting, kWhole, kParts };
  std::byte* Memory(Use use, size_t bytes);

 private:
  explicit Link(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  Status Introduce(const Introduction& own, const Transport::Over& over);
  Result<std::vector<std::string>> GatherTexts(const std::string& own, const Transport::Over& over);
  Status Agree(const std::vector<Introduction>& all) const;

  Seats seats_;
  std::vector<int> ranks_;
  std::vector<size_t> block_bytes_;  // of each process, in Exchange
  uint64_t seed_ = 0;
  int ranks_on_cores_ = 1;
  bool several_machines_ = false;
  std::vector<std::byte> memory_[3];            // by use
  const std::unique_ptr<Transport> transport_;  // last: it may write to the memory until it is gone
};

}  // namespace eta::parallel
