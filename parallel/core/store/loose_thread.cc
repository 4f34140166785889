#include "parallel/core/store/loose_thread.h"

#include <chrono>
#include <utility>

namespace eta::parallel {
namespace {

constexpr std::chrono::milliseconds kPatience{250};

}  // namespace

LooseThread::LooseThread(std::function<void()> body) {
  std::promise<void> ended;
  ended_ = ended.get_future();
  thread_ = std::thread([body = std::move(body), ended = std::move(ended)]() mutable {
    body();
    body = nullptr;
    ended.set_value();
  });
}

bool LooseThread::Await() const { return ended_.wait_for(kPatience) == std::future_status::ready; }

LooseThread::~LooseThread() {
  if (Await()) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace eta::parallel
