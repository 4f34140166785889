#include "parallel/core/store/postman.h"

#include <deque>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "parallel/core/plain_bytes.h"
#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

// How often the own queue is looked at.
constexpr std::chrono::milliseconds kRound{5};

struct Mail {
  int to;
  std::string bytes;  // the sender and the letter
};

struct Errands {
  std::vector<Mail> mail;
  std::vector<std::string> keys;  // to be deleted
};

Transport::Letter Open(const std::string& bytes) {
  PlainReader reader(bytes);
  Transport::Letter letter;
  letter.from = reader.Get<int>();
  letter.bytes = reader.GetAll<std::byte>();
  return letter;
}

}  // namespace

struct Postman::Bag {
  Mutex mu;
  CondVar changed;
  Errands errands GUARDED_BY(mu);
  std::deque<Transport::Letter> arrived GUARDED_BY(mu);
  bool last_round GUARDED_BY(mu) = false;
  Status lost GUARDED_BY(mu);  // why it goes no more rounds

  // When something is to be done, or the time for the next round has come. The flag: it is the
  // last.
  std::pair<Errands, bool> NextRound() {
    MutexLock lock(mu);
    const Deadline next = Clock::now() + kRound;
    while (errands.mail.empty() && !last_round) {
      if (!changed.WaitUntil(mu, next)) break;
    }
    return {std::exchange(errands, {}), last_round};
  }

  void End() {
    MutexLock lock(mu);
    last_round = true;
    changed.NotifyAll();
  }

  void GiveUp(Status why) {
    MutexLock lock(mu);
    if (!last_round) lost = std::move(why);
  }

  void Deliver(const std::string& bytes) {
    MutexLock lock(mu);
    arrived.push_back(Open(bytes));
  }
};

namespace {

Status Run(Store& store, const std::string& queues, const Errands& errands) {
  for (const Mail& mail : errands.mail) {
    Status status = store.Push(queues + std::to_string(mail.to), mail.bytes);
    if (!status.ok()) return status;
  }
  for (const std::string& key : errands.keys) {
    if (Status status = store.Delete(key); !status.ok()) return status;
  }
  return {};
}

}  // namespace

Postman::Postman(std::shared_ptr<Store> store, std::string queues, int process)
    : process_(process),
      bag_(std::make_shared<Bag>()),
      thread_([bag = bag_, store = std::move(store), queues = std::move(queues), process] {
        Walk(*store, queues, process, *bag);
      }) {}

Postman::~Postman() { bag_->End(); }

void Postman::Stop() {
  bag_->End();
  thread_.Await();
}

void Postman::Walk(Store& store, const std::string& queues, int process, Bag& bag) {
  const std::string own = queues + std::to_string(process);
  for (bool last = false; !last;) {
    Errands errands;
    std::tie(errands, last) = bag.NextRound();
    if (Status ran = Run(store, queues, errands); !ran.ok()) return bag.GiveUp(std::move(ran));
    for (;;) {
      const auto letter = store.Pop(own);
      if (!letter) return bag.GiveUp(letter.error());
      if (!*letter) break;
      bag.Deliver(**letter);
    }
  }
}

void Postman::Post(int to, std::span<const std::byte> letter) {
  PlainWriter writer;
  writer.Add(process_);
  writer.AddText({reinterpret_cast<const char*>(letter.data()), letter.size()});
  MutexLock lock(bag_->mu);
  bag_->errands.mail.push_back({to, writer.bytes()});
  bag_->changed.NotifyAll();
}

std::optional<Transport::Letter> Postman::Collect() {
  MutexLock lock(bag_->mu);
  if (bag_->arrived.empty()) return std::nullopt;
  Transport::Letter letter = std::move(bag_->arrived.front());
  bag_->arrived.pop_front();
  return letter;
}

Status Postman::lost() const {
  MutexLock lock(bag_->mu);
  return bag_->lost;
}

void Postman::Delete(std::string key) {
  MutexLock lock(bag_->mu);
  bag_->errands.keys.push_back(std::move(key));
}

}  // namespace eta::parallel
