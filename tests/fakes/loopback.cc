#include "tests/fakes/loopback.h"

#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "parallel/core/work.h"

namespace eta::parallel {

namespace {

using Bytes = std::vector<std::byte>;

// What each process sends to each other in one transfer.
using Parts = std::vector<Bytes>;

}  // namespace

class LoopbackHub {
 public:
  explicit LoopbackHub(int processes)
      : size_(static_cast<size_t>(processes)), silent_(size_), letters_(size_) {}

  size_t size() const { return size_; }

  // The parts for `process` in its transfer of this number; empty if `over` ended the waiting.
  Parts Transfer(size_t process, uint64_t number, Parts sent, const Transport::Over& over) {
    MutexLock lock(mu_);
    Round& round = rounds_[number];
    round.sent.resize(size_);
    round.sent[process] = std::move(sent);
    changed_.NotifyAll();
    for (size_t p = 0; p < size_; ++p) {
      while (round.sent[p].empty()) {
        if (over()) return {};
        changed_.WaitUntil(mu_, Clock::now() + std::chrono::milliseconds(1));
      }
    }
    Parts received;
    for (size_t p = 0; p < size_; ++p) received.push_back(std::move(round.sent[p][process]));
    if (++round.left == size_) rounds_.erase(number);
    return received;
  }

  void Post(size_t from, size_t to, std::span<const std::byte> letter) {
    MutexLock lock(mu_);
    if (silent_[from] || silent_[to]) return;
    letters_[to].push_back({static_cast<int>(from), Bytes(letter.begin(), letter.end())});
  }

  std::optional<Transport::Letter> Collect(size_t process) {
    MutexLock lock(mu_);
    if (letters_[process].empty()) return std::nullopt;
    Transport::Letter letter = std::move(letters_[process].front());
    letters_[process].pop_front();
    return letter;
  }

  void Silence(size_t process) {
    MutexLock lock(mu_);
    silent_[process] = true;
  }

 private:
  struct Round {
    std::vector<Parts> sent;  // by sender
    size_t left = 0;
  };

  const size_t size_;
  Mutex mu_;
  CondVar changed_;
  std::map<uint64_t, Round> rounds_ GUARDED_BY(mu_);
  std::vector<bool> silent_ GUARDED_BY(mu_);
  std::vector<std::deque<Transport::Letter>> letters_ GUARDED_BY(mu_);  // by receiver
};

namespace {

class Loopback final : public Transport {
 public:
  Loopback(std::shared_ptr<LoopbackHub> hub, size_t process, std::vector<std::string> hosts)
      : hub_(std::move(hub)), process_(process), hosts_(std::move(hosts)) {}

  int process() const override { return static_cast<int>(process_); }
  int processes() const override { return static_cast<int>(hub_->size()); }
  const std::string& host(int process) const override {
    return hosts_[static_cast<size_t>(process)];
  }
  bool ForTensors() const override { return true; }

  Status AllGather(std::byte* all, std::span<const size_t> bytes, const Over& over) override {
    const std::byte* own = all;
    for (size_t p = 0; p < process_; ++p) own += bytes[p];
    Parts sent(hub_->size(), Bytes(own, own + bytes[process_]));
    return Receive(all, hub_->Transfer(process_, number_++, std::move(sent), over));
  }

  Status AllToAll(const std::byte* sent, std::span<const size_t> sent_bytes, std::byte* received,
                  std::span<const size_t>, const Over& over) override {
    Parts parts;
    for (const size_t bytes : sent_bytes) {
      parts.emplace_back(sent, sent + bytes);
      sent += bytes;
    }
    return Receive(received, hub_->Transfer(process_, number_++, std::move(parts), over));
  }

  void Post(int to, std::span<const std::byte> letter) override {
    hub_->Post(process_, static_cast<size_t>(to), letter);
  }
  std::optional<Letter> Collect() override { return hub_->Collect(process_); }

  Status Close(const Over& over) override {
    const std::vector<size_t> none(hub_->size());
    return AllGather(nullptr, none, over);
  }

 private:
  static Status Receive(std::byte* to, const Parts& parts) {
    if (parts.empty()) return {Code::kAborted, "the waiting was ended", -1};
    for (const Bytes& part : parts) {
      if (!part.empty()) std::memcpy(to, part.data(), part.size());
      to += part.size();
    }
    return {};
  }

  const std::shared_ptr<LoopbackHub> hub_;
  const size_t process_;
  const std::vector<std::string> hosts_;
  uint64_t number_ = 0;  // of the next transfer
};

}  // namespace

LoopbackJob::LoopbackJob(int processes, std::vector<std::string> hosts)
    : hub_(std::make_shared<LoopbackHub>(processes)),
      hosts_(hosts.empty() ? std::vector<std::string>(hub_->size(), "testhost")
                           : std::move(hosts)) {}

std::unique_ptr<Transport> LoopbackJob::Connect(int process) {
  return std::make_unique<Loopback>(hub_, static_cast<size_t>(process), hosts_);
}

void RunProcesses(LoopbackJob& job, const std::vector<Link::Introduction>& introductions,
                  const std::function<void(size_t process, Result<std::shared_ptr<Link>>)>& body) {
  std::vector<std::thread> threads;
  for (size_t p = 0; p < introductions.size(); ++p) {
    threads.emplace_back([&, p] {
      body(p, Link::Connect(job.Connect(static_cast<int>(p)), introductions[p],
                            std::chrono::seconds(20)));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void LoopbackJob::Silence(int process) { hub_->Silence(static_cast<size_t>(process)); }

}  // namespace eta::parallel
