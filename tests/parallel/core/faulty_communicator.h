// A communicator that delays or fails chosen calls before they reach the real one.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "parallel/core/communicator.h"

namespace eta::parallel {

struct Fault {
  std::chrono::microseconds delay{0};
  Status failure;  // if not ok: the call returns it and takes no part
};

class FaultyCommunicator final : public Communicator {
 public:
  // `plan` says what befalls the n-th call of this rank, counted from 0.
  FaultyCommunicator(Communicator& real, std::function<Fault(int n)> plan)
      : real_(real), plan_(std::move(plan)) {}

  int rank() const override { return real_.rank(); }
  int size() const override { return real_.size(); }

  using Communicator::AllReduce;
  Work AllReduce(const Buffer& input, const Buffer& output, ReduceOp op, Site site) override {
    return Inject([&] { return real_.AllReduce(input, output, op, site); });
  }
  Work ReduceScatter(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                     ReduceOp op, Site site) override {
    return Inject([&] { return real_.ReduceScatter(input, output, counts, op, site); });
  }
  Work AllGather(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                 Site site) override {
    return Inject([&] { return real_.AllGather(input, output, counts, site); });
  }
  Work AllToAll(const Buffer& input, const Buffer& output, std::span<const size_t> counts,
                Site site) override {
    return Inject([&] { return real_.AllToAll(input, output, counts, site); });
  }
  Work Broadcast(const Buffer& buffer, int root, Site site) override {
    return Inject([&] { return real_.Broadcast(buffer, root, site); });
  }
  Work Barrier(Site site) override {
    return Inject([&] { return real_.Barrier(site); });
  }
  bool SharesMemory() const override { return real_.SharesMemory(); }
  void Abort(const Status& reason) override { real_.Abort(reason); }

 private:
  template <class Call>
  Work Inject(const Call& call) {
    const Fault fault = plan_(calls_++);
    if (fault.delay.count() > 0) std::this_thread::sleep_for(fault.delay);
    if (!fault.failure.ok()) return Work(fault.failure);
    return call();
  }

  Communicator& real_;
  const std::function<Fault(int)> plan_;
  int calls_ = 0;
};

}  // namespace eta::parallel
